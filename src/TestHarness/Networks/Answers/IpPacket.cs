using System.Buffers.Binary;

namespace TestHarness.Networks.Answers;

/// <summary>A packet of IPv4 or IPv6 that is whole. One in fragments, or with extension headers, is read by nobody here.</summary>
internal readonly ref struct IpPacket
{
    public const byte Icmp = 1;
    public const byte Udp = 17;
    public const byte IcmpV6 = 58;

    private const int ShortestV4 = 20;
    private const int HeaderV6 = 40;

    // "More fragments", and the place of this one.
    private const ushort Fragment = 0x3fff;

    /// <summary>Gets where it comes from: 4 bytes, or 16 of IPv6.</summary>
    public ReadOnlySpan<byte> Source { get; private init; }

    public ReadOnlySpan<byte> Target { get; private init; }

    public byte Protocol { get; private init; }

    public byte HopLimit { get; private init; }

    public ReadOnlySpan<byte> Payload { get; private init; }

    public static bool TryRead(EtherType type, ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        return type switch
        {
            EtherType.IPv4 => TryReadV4(bytes, out packet),
            EtherType.IPv6 => TryReadV6(bytes, out packet),
            _ => false,
        };
    }

    /// <summary>Makes a packet of the addresses' family.</summary>
    public static byte[] Write(
        ReadOnlySpan<byte> source,
        ReadOnlySpan<byte> target,
        byte protocol,
        byte hopLimit,
        ReadOnlySpan<byte> payload
    )
    {
        if (source.Length == 16)
        {
            byte[] head = [0x60, 0, 0, 0, 0, 0, protocol, hopLimit];
            BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(4), (ushort)payload.Length);
            return [.. head, .. source, .. target, .. payload];
        }

        byte[] packet = [0x45, 0, 0, 0, 0, 0, 0, 0, hopLimit, protocol, 0, 0, .. source, .. target, .. payload];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Of(packet.AsSpan(0, ShortestV4)));
        return packet;
    }

    private static bool TryReadV4(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length < ShortestV4 || bytes[0] >> 4 != 4)
            return false;
        int header = 4 * (bytes[0] & 0xf),
            length = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (
            header < ShortestV4
            || length < header
            || length > bytes.Length
            || (BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) & Fragment) != 0
            || InternetChecksum.Of(bytes[..header]) != 0
        )
            return false;
        packet = new IpPacket
        {
            Source = bytes.Slice(12, 4),
            Target = bytes.Slice(16, 4),
            Protocol = bytes[9],
            HopLimit = bytes[8],
            Payload = bytes[header..length],
        };
        return true;
    }

    private static bool TryReadV6(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length < HeaderV6 || bytes[0] >> 4 != 6)
            return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        if (length > bytes.Length - HeaderV6)
            return false;
        packet = new IpPacket
        {
            Source = bytes.Slice(8, 16),
            Target = bytes.Slice(24, 16),
            Protocol = bytes[6],
            HopLimit = bytes[7],
            Payload = bytes.Slice(HeaderV6, length),
        };
        return true;
    }
}
