using System.Buffers.Binary;

namespace TestHarness.Networks.Answers;

/// <summary>A datagram of UDP whose checksum is right.</summary>
internal readonly ref struct UdpDatagram
{
    private const int Header = 8;

    public ushort SourcePort { get; private init; }

    public ushort TargetPort { get; private init; }

    public ReadOnlySpan<byte> Payload { get; private init; }

    public static bool TryRead(IpPacket packet, out UdpDatagram datagram)
    {
        datagram = default;
        ReadOnlySpan<byte> bytes = packet.Payload;
        if (packet.Protocol != IpPacket.Udp || bytes.Length < Header)
            return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        if (length < Header || length > bytes.Length)
            return false;
        bytes = bytes[..length];
        // Of IPv4 it may be left out.
        bool isUnchecked = packet.Source.Length == 4 && BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) == 0;
        if (!isUnchecked && InternetChecksum.Of(packet.Source, packet.Target, IpPacket.Udp, bytes) != 0)
            return false;
        datagram = new UdpDatagram
        {
            SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes),
            TargetPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            Payload = bytes[Header..],
        };
        return true;
    }

    /// <summary>Makes a packet of IP with a datagram in it.</summary>
    public static byte[] Write(
        ReadOnlySpan<byte> source,
        ushort sourcePort,
        ReadOnlySpan<byte> target,
        ushort targetPort,
        ReadOnlySpan<byte> payload
    )
    {
        byte[] bytes = [0, 0, 0, 0, 0, 0, 0, 0, .. payload];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), targetPort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), (ushort)bytes.Length);
        ushort sum = InternetChecksum.Of(source, target, IpPacket.Udp, bytes);
        // 0 would say that there is none.
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), sum == 0 ? ushort.MaxValue : sum);
        return IpPacket.Write(source, target, IpPacket.Udp, SwitchHost.HopLimit, bytes);
    }
}
