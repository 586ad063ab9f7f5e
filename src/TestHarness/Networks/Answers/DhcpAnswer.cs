using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TestHarness.Networks.Answers;

/// <summary>
/// Gives a card the IPv4 address that is its own by DHCP (RFC 2131), and no other. There is no lease to keep: it is always the same one.
/// </summary>
internal static class DhcpAnswer
{
    public const ushort ServerPort = 67;
    private const ushort ClientPort = 68;

    // Longer than a test.
    private const int LeaseSeconds = 24 * 3600;

    /// <summary>Gets where a client listens that has no address yet.</summary>
    public static ReadOnlySpan<byte> Everybody => [255, 255, 255, 255];

    /// <summary>Answers a message, or not what needs none.</summary>
    /// <param name="host">The switch.</param>
    /// <param name="asker">The card that the message came from.</param>
    /// <param name="bytes">The message.</param>
    /// <returns>A packet of IP.</returns>
    public static byte[]? To(SwitchHost host, CardAddress asker, ReadOnlySpan<byte> bytes)
    {
        if (!DhcpMessage.TryRead(bytes, out DhcpMessage message) || message.Card != asker.Mac || message.IsRelayed)
            return null;
        byte[] address = asker.IPv4.GetAddressBytes();
        switch (message.Type)
        {
            case DhcpMessageType.Discover:
                return Give(host, asker, message, DhcpMessageType.Offer);
            case DhcpMessageType.Request when message.Server.Length > 0 && !message.Server.SequenceEqual(host.BytesV4):
                // It has taken another server's offer.
                return null;
            case DhcpMessageType.Request when !(message.Wanted.Length > 0 ? message.Wanted : message.Own).SequenceEqual(address):
                return Send(host, Everybody, message.Answer(new byte[4], Head(host, DhcpMessageType.Nak)));
            case DhcpMessageType.Request:
                return Give(host, asker, message, DhcpMessageType.Ack);
            case DhcpMessageType.Inform when message.HasAddress:
                return Send(host, message.Own, message.Answer(new byte[4], [.. Head(host, DhcpMessageType.Ack), .. Facts(host, asker)]));
            default:
                // There is nothing to note of one that is declined or given back.
                return null;
        }
    }

    private static byte[] Give(SwitchHost host, CardAddress asker, DhcpMessage message, DhcpMessageType type)
    {
        byte[] address = asker.IPv4.GetAddressBytes();
        ReadOnlySpan<byte> target =
            message.HasAddress ? message.Own
            : message.WantsBroadcast ? Everybody
            : address;
        return Send(
            host,
            target,
            message.Answer(address, [.. Head(host, type), (DhcpOption.LeaseTime, Number(LeaseSeconds)), .. Facts(host, asker)])
        );
    }

    private static (DhcpOption Code, byte[] Value)[] Head(SwitchHost host, DhcpMessageType type) =>
        [(DhcpOption.MessageType, [(byte)type]), (DhcpOption.ServerIdentifier, host.BytesV4.ToArray())];

    // No router: nothing is routed.
    private static (DhcpOption Code, byte[] Value)[] Facts(SwitchHost host, CardAddress asker)
    {
        IPNetwork subnet = asker.Subnets.First(one => one.BaseAddress.AddressFamily == AddressFamily.InterNetwork);
        uint hosts = uint.MaxValue >> subnet.PrefixLength,
            first = BinaryPrimitives.ReadUInt32BigEndian(subnet.BaseAddress.GetAddressBytes());
        return
        [
            (DhcpOption.SubnetMask, Number((int)~hosts)),
            (DhcpOption.BroadcastAddress, Number((int)(first | hosts))),
            (DhcpOption.NameServer, host.BytesV4.ToArray()),
            (DhcpOption.DomainName, Encoding.ASCII.GetBytes(host.Network)),
            (DhcpOption.DomainSearch, DnsName.Write(host.Network)),
            (DhcpOption.Mtu, Number(asker.Mtu)[2..]),
        ];
    }

    private static byte[] Send(SwitchHost host, ReadOnlySpan<byte> target, byte[] answer) =>
        UdpDatagram.Write(host.BytesV4, ServerPort, target, ClientPort, answer);

    private static byte[] Number(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
