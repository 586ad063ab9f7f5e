using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace TestHarness.Networks.Answers;

/// <summary>
/// What an IPv6 guest is told of the network (RFC 4861, 4.2; RFC 8106): its prefix, MTU and name server. Nothing is routed, so the switch
/// is nobody's default router.
/// </summary>
internal static class RouterAdvertisement
{
    private const byte Type = 134;
    private const byte SourceLinkAddress = 1;
    private const byte Prefix = 3;
    private const byte Mtu = 5;
    private const byte NameServer = 25;
    private const byte SearchList = 31;
    private const byte OnLink = 0x80;
    private const byte Autonomous = 0x40;

    private static ReadOnlySpan<byte> ForEver => [0xff, 0xff, 0xff, 0xff];

    public static byte[] For(SwitchHost host, CardAddress card)
    {
        IPNetwork subnet = card.Subnets.First(one => one.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6);
        // Only where the address that it then makes is the one that its name leads to.
        bool makesOwn =
            subnet.PrefixLength == SelfMadeAddress.PrefixLength && card.Addresses.Contains(SelfMadeAddress.In(subnet, card.Mac));
        byte flags = makesOwn ? (byte)(OnLink | Autonomous) : OnLink;
        byte[] mtu = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(mtu, card.Mtu);
        byte[] domain = DnsName.Write(host.Network);
        int domainUnits = (8 + domain.Length + 7) / 8;
        return
        [
            .. (ReadOnlySpan<byte>)[Type, 0, 0, 0],
            // Hop limit, flags, lifetime as a router, and the guest's own times for neighbours.
            .. (ReadOnlySpan<byte>)[SwitchHost.HopLimit, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            .. (ReadOnlySpan<byte>)[SourceLinkAddress, 1],
            .. host.Mac.ToBytes(),
            .. (ReadOnlySpan<byte>)[Mtu, 1, 0, 0],
            .. mtu,
            .. (ReadOnlySpan<byte>)[Prefix, 4, (byte)subnet.PrefixLength, flags],
            .. ForEver,
            .. ForEver,
            .. (ReadOnlySpan<byte>)[0, 0, 0, 0],
            .. subnet.BaseAddress.GetAddressBytes(),
            .. (ReadOnlySpan<byte>)[NameServer, 3, 0, 0],
            .. ForEver,
            .. host.BytesV6,
            .. (ReadOnlySpan<byte>)[SearchList, (byte)domainUnits, 0, 0],
            .. ForEver,
            .. domain,
            .. new byte[(8 * domainUnits) - 8 - domain.Length],
        ];
    }
}
