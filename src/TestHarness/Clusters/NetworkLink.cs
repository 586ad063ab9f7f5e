using TestHarness.Networks.Ethernet;

namespace TestHarness;

/// <summary>Ways of a network: both between two machines, all of one machine's, or one direction.</summary>
public sealed class NetworkLink
{
    private readonly ClusterNetwork _network;
    private readonly string _where;
    private readonly LinkPart[] _parts;

    internal NetworkLink(ClusterNetwork network, string where, LinkPart[] parts) => (_network, _where, _parts) = (network, where, parts);

    /// <summary>Narrows all that a machine sends to what it sends to one other.</summary>
    /// <param name="machine">The other's name.</param>
    /// <returns>The one direction.</returns>
    /// <exception cref="ArgumentException">It is not on the network.</exception>
    /// <exception cref="InvalidOperationException">This is not what <see cref="ClusterNetwork.From"/> gave.</exception>
    public NetworkLink To(string machine)
    {
        _network.Require(machine);
        if (_parts is not [{ From: { } from, To: null }])
            throw new InvalidOperationException($"Only what From gives can be narrowed to a receiver, not {_where}.");
        return new(_network, $"from {from} to {machine}", [new(from, machine)]);
    }

    /// <summary>Sets how frames are carried in each direction; conditions that were set here before are forgotten.</summary>
    /// <param name="conditions">The conditions.</param>
    /// <exception cref="ArgumentException">They have a mistake.</exception>
    public void Set(LinkConditions conditions) => _network.SetParts(_where, _parts, ClusterNetwork.Checked(conditions));

    /// <summary>Takes away the conditions that were set here.</summary>
    public void Clear() => _network.SetParts(_where, _parts, null);

    /// <summary>Cuts the way until <see cref="Heal"/>, or <see cref="ClusterNetwork.Heal"/>.</summary>
    public void Cut() => _network.CutWays($"{_where}: cut", _parts.SelectMany(_network.WaysOf), isCut: true);

    /// <summary>Joins the way again, whatever cut it.</summary>
    public void Heal() => _network.CutWays($"{_where}: heal", _parts.SelectMany(_network.WaysOf), isCut: false);
}
