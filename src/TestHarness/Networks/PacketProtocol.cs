namespace TestHarness;

/// <summary>What a packet is: the protocol above IP, or below it.</summary>
public enum PacketProtocol
{
    /// <summary>TCP over IPv4 or IPv6.</summary>
    Tcp,

    /// <summary>UDP over IPv4 or IPv6.</summary>
    Udp,

    /// <summary>ICMP of IPv4, as a ping is.</summary>
    Icmp,

    /// <summary>ICMP of IPv6: pings, but also what finds neighbours and routers.</summary>
    IcmpV6,

    /// <summary>ARP, which finds the card of an IPv4 address.</summary>
    Arp,

    /// <summary>Something else.</summary>
    Other,

    /// <summary>It is not what it says it is: too short, or cut off.</summary>
    Malformed,
}
