using PacketDotNet;
using PacketDotNet.Utils;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Networks;

/// <summary>Reads frames: the only place that knows PacketDotNet. A guest may send anything, and nothing of it does harm.</summary>
internal static class PacketDecoder
{
    // PacketDotNet reads and writes several bytes where it has looked whether the first one is there.
    private const int Slack = 16;

    private const int LeastIp = 20;
    private const int LeastTcp = 20;
    private const int LeastUdp = 8;
    private const int LeastArp = 28;

    /// <summary>Reads a frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="from">The machine that sent it.</param>
    /// <param name="to">The machine whose card it is for, or <see langword="null"/>.</param>
    public static CapturedPacket Decode(CapturedFrame frame, string from, string? to)
    {
        var packet = new CapturedPacket(frame, from, to);
        // In a copy, which it changes.
        byte[] copy = new byte[frame.Bytes.Length + Slack];
        frame.Bytes.CopyTo(copy, 0);
        try
        {
            return ReadEthernet(packet, new ByteArraySegment(copy, 0, frame.Bytes.Length, frame.Bytes.Length));
        }
        catch (Exception)
        {
            // What it throws for bad input has no type of its own.
            return packet with { Protocol = PacketProtocol.Malformed };
        }
    }

    private static CapturedPacket ReadEthernet(CapturedPacket packet, ByteArraySegment frame)
    {
        var ethernet = new EthernetPacket(frame);
        Packet? carried = CarriedBy(Whole(ethernet, EthernetFrame.Header), ethernet.Type);
        while (carried is Ieee8021QPacket tag)
            carried = CarriedBy(Whole(tag, 0), tag.Type);
        return carried switch
        {
            IPPacket ip => ReadIp(packet, ip),
            ArpPacket arp => ReadArp(packet, Whole(arp, LeastArp)),
            _ => packet,
        };
    }

    // Nothing else is asked for: what is not of interest can't fail.
    private static Packet? CarriedBy(Packet packet, EthernetType type) =>
        type
            is EthernetType.IPv4
                or EthernetType.IPv6
                or EthernetType.Arp
                or EthernetType.VLanTaggedFrame
                or EthernetType.ProviderBridging
                or EthernetType.QInQ
            ? packet.PayloadPacket
            : null;

    private static CapturedPacket ReadArp(CapturedPacket packet, ArpPacket arp) =>
        packet with
        {
            Protocol = PacketProtocol.Arp,
            FromAddress = arp.SenderProtocolAddress,
            ToAddress = arp.TargetProtocolAddress,
        };

    private static CapturedPacket ReadIp(CapturedPacket packet, IPPacket ip)
    {
        Whole(ip, LeastIp);
        int end = ip.HeaderSegment.Offset + ip.TotalLength;
        if ((ip is IPv4Packet) != (ip.Version == IPVersion.IPv4) || end > packet.Frame.Length)
            throw new InvalidDataException("That is no IP packet.");
        packet = packet with
        {
            Protocol = ip.Protocol switch
            {
                ProtocolType.Tcp => PacketProtocol.Tcp,
                ProtocolType.Udp => PacketProtocol.Udp,
                ProtocolType.Icmp => PacketProtocol.Icmp,
                ProtocolType.IcmpV6 => PacketProtocol.IcmpV6,
                _ => PacketProtocol.Other,
            },
            FromAddress = ip.SourceAddress,
            ToAddress = ip.DestinationAddress,
            Payload = packet.Frame[EndOf(ip)..end],
        };
        // Later fragments have none.
        if (packet.Protocol is not (PacketProtocol.Tcp or PacketProtocol.Udp) || ip.PayloadPacket is not TransportPacket transport)
            return packet;
        Whole(transport, transport is TcpPacket ? LeastTcp : LeastUdp);
        return packet with
        {
            FromPort = transport.SourcePort,
            ToPort = transport.DestinationPort,
            Payload = packet.Frame[EndOf(transport)..end],
        };
    }

    private static int EndOf(Packet packet) => packet.HeaderSegment.Offset + packet.HeaderSegment.Length;

    private static T Whole<T>(T packet, int least)
        where T : Packet =>
        packet.HeaderSegment.Length >= least && EndOf(packet) <= packet.HeaderSegment.BytesLength
            ? packet
            : throw new InvalidDataException("A header is cut off.");
}
