using System.Net;

namespace TestHarness.Networks;

/// <summary>The IPv6 address that a guest makes of its card's own (EUI-64; RFC 4291, appendix A), as Linux does by itself.</summary>
internal static class SelfMadeAddress
{
    /// <summary>The only length that a prefix can have.</summary>
    public const int PrefixLength = 64;

    private const byte IsLocal = 2;

    private static readonly IPNetwork Link = IPNetwork.Parse("fe80::/64");

    /// <summary>The address in a subnet.</summary>
    public static IPAddress In(IPNetwork subnet, MacAddress mac)
    {
        byte[] card = mac.ToBytes();
        return new IPAddress([
            .. subnet.BaseAddress.GetAddressBytes().AsSpan(0, PrefixLength / 8),
            (byte)(card[0] ^ IsLocal),
            .. card.AsSpan(1, 2),
            0xff,
            0xfe,
            .. card.AsSpan(3),
        ]);
    }

    /// <summary>The one that leads nowhere but over its own link.</summary>
    public static IPAddress OnLink(MacAddress mac) => In(Link, mac);
}
