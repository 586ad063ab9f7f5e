using System.Net;

namespace TestHarness;

/// <summary>
/// A card of a machine on a network of its cluster (<see cref="ClusterSpec"/>). A machine has one on each network at most.
/// </summary>
/// <param name="Network">The network's name: 1 to 32 letters, digits and dashes, beginning with a letter.</param>
public sealed record Card(string Network)
{
    /// <summary>
    /// Gets the card's address. Default: <see langword="null"/>, one that is made of the machine's and the network's name and is the same
    /// each time (<see cref="MacAddress.For"/> of <c>db.lan</c>).
    /// </summary>
    public MacAddress? Mac { get; init; }

    /// <summary>
    /// Gets IP addresses in the network's subnets, in place of the one of the same family that the machine would get. Default: none, one of
    /// each family by the machine's place in the cluster.
    /// </summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>
    /// Gets the largest IP packet in bytes, 1,280 to 9,000. Default: <see langword="null"/>, the network's (<see cref="NetworkSpec.Mtu"/>).
    /// </summary>
    public int? Mtu { get; init; }
}
