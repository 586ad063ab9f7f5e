using System.Net;
using System.Net.Sockets;

namespace TestHarness;

/// <summary>What a machine's card on a network goes by.</summary>
public sealed record CardAddress
{
    internal CardAddress(string network, MacAddress mac, int mtu, IReadOnlyList<IPNetwork> subnets, IReadOnlyList<IPAddress> addresses) =>
        (Network, Mac, Mtu, Subnets, Addresses) = (network, mac, mtu, subnets, addresses);

    /// <summary>Gets the network's name.</summary>
    public string Network { get; }

    /// <summary>Gets the card's own address.</summary>
    public MacAddress Mac { get; }

    /// <summary>Gets the largest IP packet in bytes.</summary>
    public int Mtu { get; }

    /// <summary>Gets all its IP addresses, those of IPv4 first.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; }

    /// <summary>Gets the first IPv4 address.</summary>
    public IPAddress IPv4 => Addresses.First(address => address.AddressFamily == AddressFamily.InterNetwork);

    /// <summary>Gets the first IPv6 address.</summary>
    public IPAddress IPv6 => Addresses.First(address => address.AddressFamily == AddressFamily.InterNetworkV6);

    internal IReadOnlyList<IPNetwork> Subnets { get; }

    /// <summary>Returns the first IPv4 address, as commands take it.</summary>
    /// <returns>The address.</returns>
    public override string ToString() => IPv4.ToString();
}
