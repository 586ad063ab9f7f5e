using System.Collections.Immutable;

namespace TestHarness;

/// <summary>
/// Describes several machines and the networks between them. Machines are named by the indexer:
/// <c>new ClusterSpec { ["db"] = new MachineSpec { … } }</c>.
/// </summary>
public sealed class ClusterSpec
{
    private ImmutableList<KeyValuePair<string, MachineSpec>> _machines = [];

    /// <summary>Gets the machines in the order in which they were named, which their default addresses follow.</summary>
    public IReadOnlyList<KeyValuePair<string, MachineSpec>> Machines => _machines;

    /// <summary>
    /// Gets the networks that are not as by default, by their names. A network that a machine names and that is not here is as by default.
    /// Default: none.
    /// </summary>
    public IReadOnlyDictionary<string, NetworkSpec> Networks { get; init; } = ImmutableDictionary<string, NetworkSpec>.Empty;

    /// <summary>
    /// Gets the steps that set the cluster up once all its machines are up: <see cref="SetupStep.On"/> and
    /// <c>SetupStep.WaitUntil</c>. They run at each start, behind the steps of each machine's own (<see cref="MachineSpec.Setup"/>), which
    /// run once. Default: none.
    /// </summary>
    public IReadOnlyList<SetupStep> Setup { get; init; } = [];

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
}
