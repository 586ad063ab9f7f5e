using System.Net;

namespace TestHarness;

/// <summary>Describes a network of a cluster: an Ethernet switch in this process, which nothing else of the host is on.</summary>
public sealed record NetworkSpec
{
    /// <summary>
    /// Gets the IPv4 addresses of the network. Default: <see langword="null"/>, <c>10.77.N.0/24</c> with the network's number in its
    /// cluster. Networks with the same subnet do not meet.
    /// </summary>
    public IPNetwork? Subnet { get; init; }

    /// <summary>
    /// Gets the IPv6 addresses of the network. Default: <see langword="null"/>, <c>fd77:7e57:0:N::/64</c> with the network's number.
    /// </summary>
    public IPNetwork? Subnet6 { get; init; }

    /// <summary>Gets the largest IP packet in bytes, 1,280 to 9,000. Default: 1,500.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>
    /// Gets how much of the latest traffic is kept in memory as evidence, in MiB (2^20 bytes), 0 to 1,024. Default: 4.
    /// </summary>
    public int CaptureMiB { get; init; } = 4;

    /// <summary>
    /// Gets a value indicating whether the switch answers DHCP, IPv6 router solicitations, and DNS for the machines' names. It gives a card
    /// the addresses that are the card's own (<see cref="VirtualMachine.Addresses"/>), and answers nobody else. Default:
    /// <see langword="null"/>, where a machine on the network lacks the agent (<see cref="GuestAccess.None"/>), else not. It must be
    /// <see langword="false"/> where a machine of the network is its DHCP server.
    /// <see cref="ClusterNetwork.Server"/> tells what was chosen.
    /// </summary>
    public bool? Dhcp { get; init; }
}
