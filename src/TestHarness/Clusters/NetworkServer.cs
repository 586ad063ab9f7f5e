using System.Net;

namespace TestHarness;

/// <summary>What the switch of a network itself answers at: DHCP, router solicitations, and DNS for the machines' names.</summary>
public sealed record NetworkServer
{
    internal NetworkServer(IPAddress v4, IPAddress v6, string reason) => (IPv4, IPv6, Reason) = (v4, v6, reason);

    /// <summary>Gets its IPv4 address: the network's first one that no machine has.</summary>
    public IPAddress IPv4 { get; }

    /// <summary>Gets its IPv6 address: the network's first one that no machine has.</summary>
    public IPAddress IPv6 { get; }

    /// <summary>Gets why it answers: by <see cref="NetworkSpec.Dhcp"/>, or which machine lacks the agent.</summary>
    public string Reason { get; }
}
