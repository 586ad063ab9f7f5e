using System.Buffers.Binary;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Networks.Answers;

/// <summary>
/// What the switch itself answers on a network: ARP and neighbour solicitations for its own addresses, pings, DHCP, router solicitations
/// and DNS. Only cards of the network's own machines are answered. Pure: one frame, one answer to the card that asked, or none.
/// Whatever bytes come, it does not throw.
/// </summary>
/// <param name="host">What the switch goes by.</param>
/// <param name="book">Whose the cards are, and what all are called.</param>
internal sealed class NetworkAnswers(SwitchHost host, AddressBook book)
{
    /// <summary>Answers a frame.</summary>
    /// <param name="frame">The frame, without its length.</param>
    /// <returns>A frame, or <see langword="null"/>.</returns>
    public byte[]? To(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetFrame.Header || book.OwnerOf(host.Network, EthernetFrame.SourceOf(frame)) is not { } asker)
            return null;
        var type = (EtherType)BinaryPrimitives.ReadUInt16BigEndian(frame[(EthernetFrame.Header - 2)..]);
        ReadOnlySpan<byte> question = frame[EthernetFrame.Header..];
        byte[]? answer =
            type == EtherType.Arp ? ArpAnswer.To(host, question)
            : IpPacket.TryRead(type, question, out IpPacket packet) ? To(asker, packet)
            : null;
        return answer is null ? null : [.. asker.Card.Mac.ToBytes(), .. host.Mac.ToBytes(), .. frame[12..EthernetFrame.Header], .. answer];
    }

    private byte[]? To(CardOwner asker, IpPacket packet)
    {
        if (!UdpDatagram.TryRead(packet, out UdpDatagram datagram))
            return IcmpAnswer.To(host, asker.Card, packet);
        bool isForAll = packet.Target.SequenceEqual(DhcpAnswer.Everybody),
            isForSwitch = host.Has(packet.Target);
        if (datagram.TargetPort == DhcpAnswer.ServerPort && packet.Target.Length == 4 && (isForAll || isForSwitch))
            return DhcpAnswer.To(host, asker.Card, datagram.Payload);
        return
            datagram.TargetPort == DnsAnswer.Port
            && isForSwitch
            && DnsAnswer.To(datagram.Payload, name => book.Find(asker.Machine, name)) is { } answer
            ? UdpDatagram.Write(packet.Target, DnsAnswer.Port, packet.Source, datagram.SourcePort, answer)
            : null;
    }
}
