using System.Net;

namespace TestHarness.Agents;

/// <summary>What a guest is told of the networks that it is on.</summary>
/// <param name="Cards">The cards that are to be set; none leaves them as they are.</param>
/// <param name="Hosts">The lines for <c>/etc/hosts</c>, in place of those before.</param>
internal sealed record AgentNetworks(IReadOnlyList<AgentCard> Cards, string Hosts);

/// <summary>A card that the guest sets.</summary>
/// <param name="Made">The address that it was made with, in the template.</param>
/// <param name="Own">Its own address.</param>
/// <param name="Mtu">The largest packet.</param>
/// <param name="Addresses">Its IP addresses with the lengths of their prefixes.</param>
internal sealed record AgentCard(MacAddress Made, MacAddress Own, int Mtu, IReadOnlyList<(IPAddress Address, int Prefix)> Addresses);

/// <summary>What SETTLE asks for; what is not given stays as it is.</summary>
internal sealed record AgentSettlement
{
    public DateTimeOffset? Clock { get; init; }

    /// <summary>Random bytes for the guest's kernel.</summary>
    public ReadOnlyMemory<byte> Seed { get; init; }

    public string? HostName { get; init; }

    /// <summary>Whether a new machine id is written.</summary>
    public bool NewMachineId { get; init; }

    public AgentNetworks? Networks { get; init; }
}
