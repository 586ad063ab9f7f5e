using System.Buffers.Binary;

namespace TestHarness.Networks.Answers;

/// <summary>Answers pings, and what guests ask of neighbours and routers by ICMPv6 (RFC 4861).</summary>
internal static class IcmpAnswer
{
    private const byte EchoV4 = 8;
    private const byte EchoReplyV4 = 0;
    private const byte EchoV6 = 128;
    private const byte EchoReplyV6 = 129;
    private const byte RouterSolicitation = 133;
    private const byte NeighborSolicitation = 135;
    private const byte NeighborAdvertisement = 136;
    private const int Header = 8;

    // What has passed a router can't be a neighbour's.
    private const byte NeighborsHopLimit = 255;

    private const byte Solicited = 0x40;
    private const byte Override = 0x20;
    private const byte TargetLinkAddress = 2;

    // ff02::1
    private static ReadOnlySpan<byte> AllNodes => [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    public static byte[]? To(SwitchHost host, CardAddress asker, IpPacket packet)
    {
        ReadOnlySpan<byte> question = packet.Payload;
        if (question.Length < Header)
            return null;
        if (packet is { Protocol: IpPacket.Icmp, Source.Length: 4 })
            return question[0] == EchoV4 && host.Has(packet.Target) && InternetChecksum.Of(question) == 0
                ? Echo(packet, EchoReplyV4)
                : null;
        if (
            packet is not { Protocol: IpPacket.IcmpV6, Source.Length: 16 }
            || InternetChecksum.Of(packet.Source, packet.Target, IpPacket.IcmpV6, question) != 0
        )
            return null;
        return question[0] switch
        {
            EchoV6 when host.Has(packet.Target) => Echo(packet, EchoReplyV6),
            RouterSolicitation when packet.HopLimit == NeighborsHopLimit => Write(
                host.BytesOnLink,
                AskerOf(packet),
                RouterAdvertisement.For(host, asker),
                NeighborsHopLimit
            ),
            NeighborSolicitation when packet.HopLimit == NeighborsHopLimit && question.Length >= Header + 16 => Neighbor(host, packet),
            _ => null,
        };
    }

    private static byte[] Echo(IpPacket packet, byte reply) =>
        Write(packet.Target, packet.Source, [reply, 0, 0, 0, .. packet.Payload[4..]], SwitchHost.HopLimit);

    private static byte[]? Neighbor(SwitchHost host, IpPacket packet)
    {
        ReadOnlySpan<byte> target = packet.Payload.Slice(Header, 16);
        if (!host.Has(target))
            return null;
        byte flags = packet.Source.ContainsAnyExcept((byte)0) ? (byte)(Solicited | Override) : Override;
        byte[] answer = [NeighborAdvertisement, 0, 0, 0, flags, 0, 0, 0, .. target, TargetLinkAddress, 1, .. host.Mac.ToBytes()];
        return Write(target, AskerOf(packet), answer, NeighborsHopLimit);
    }

    // One that has no address yet is reached as all are; the frame goes to its card alone.
    private static ReadOnlySpan<byte> AskerOf(IpPacket packet) => packet.Source.ContainsAnyExcept((byte)0) ? packet.Source : AllNodes;

    private static byte[] Write(ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, byte[] message, byte hopLimit)
    {
        byte protocol = source.Length == 4 ? IpPacket.Icmp : IpPacket.IcmpV6;
        ushort sum = protocol == IpPacket.Icmp ? InternetChecksum.Of(message) : InternetChecksum.Of(source, target, protocol, message);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), sum);
        return IpPacket.Write(source, target, protocol, hopLimit, message);
    }
}
