using System.Collections.Immutable;

namespace TestHarness;

/// <summary>
/// Describes several machines and the networks between them. Machines are named by the indexer:
/// <c>new ClusterSpec { ["db"] = new MachineSpec { … } }</c>.
/// </summary>
public sealed class ClusterSpec
{
    private ImmutableList<KeyValuePair<string, MachineSpec>> _machines = [];

    /// <summary>Describes a cluster whose machines are named by the indexer.</summary>
    public ClusterSpec() { }

    /// <summary>Describes a cluster with machines that code has made, such as sixteen of a kind; the indexer names further ones.</summary>
    /// <param name="machines">The machines by their names, in their order. Of two with one name the last one is taken.</param>
    public ClusterSpec(IEnumerable<KeyValuePair<string, MachineSpec>> machines)
    {
        ArgumentNullException.ThrowIfNull(machines);
        foreach ((string name, MachineSpec machine) in machines)
            this[name] = machine;
    }

    /// <summary>Gets the machines in the order in which they were named, which their default addresses follow.</summary>
    public IReadOnlyList<KeyValuePair<string, MachineSpec>> Machines => _machines;

    /// <summary>
    /// Gets the networks that are not as by default, by their names. A network that a machine names and that is not here is as by default.
    /// Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, NetworkSpec> Networks { get; init; } = ImmutableDictionary<string, NetworkSpec>.Empty;

    /// <summary>
    /// Gets the steps that set the cluster up once all its machines are up: <see cref="SetupStep.On"/> and
    /// <c>SetupStep.WaitUntil</c>. What they leave is kept as a layer of all machines, stopped and saved together, which all later clusters
    /// like this one go on from. Each machine's own steps (<see cref="MachineSpec.Setup"/>) come before them. Where a machine boots each
    /// time, they run each time. Default: none.
    /// </summary>
    public IReadOnlyList<SetupStep> Setup { get; init; } = [];

    /// <summary>
    /// Gets what the machines' clocks say where the cluster goes on from what its <see cref="Setup"/> left, from a checkpoint or as a fork.
    /// Default: <see cref="ClusterClock.Kept"/>.
    /// </summary>
    public ClusterClock Clock { get; init; }

    /// <summary>
    /// Gets what whatever is random in the networks' faults follows from: with the same seed the same frames are lost. Default:
    /// <see langword="null"/>, another one each time, which failures name.
    /// </summary>
    public int? Seed { get; init; }

    /// <summary>Gets or sets a machine while the cluster is described.</summary>
    /// <param name="name">Its name, under which the others reach it: 1 to 63 letters, digits and dashes, beginning with a letter.</param>
    /// <exception cref="KeyNotFoundException">There is no machine of that name.</exception>
    public MachineSpec this[string name]
    {
        get =>
            _machines.Find(machine => machine.Key == name).Value
            ?? throw new KeyNotFoundException(
                $"The cluster has no machine \"{name}\". There are: {string.Join(", ", _machines.Select(machine => machine.Key))}."
            );
        init => _machines = _machines.RemoveAll(machine => machine.Key == name).Add(new(name, value));
    }

    /// <summary>The same cluster with other machines, and with other networks where they are given.</summary>
    internal ClusterSpec With(
        IEnumerable<KeyValuePair<string, MachineSpec>> machines,
        IReadOnlyDictionary<string, NetworkSpec>? networks = null
    ) =>
        new()
        {
            _machines = [.. machines],
            Networks = networks ?? Networks,
            Setup = Setup,
            Clock = Clock,
            Seed = Seed,
        };
}
