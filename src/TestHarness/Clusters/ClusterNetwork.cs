using System.Diagnostics.CodeAnalysis;
using TestHarness.Clusters;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;

namespace TestHarness;

/// <summary>
/// A network of a running cluster. How it carries frames can be changed at any time, also while traffic flows; what changes is in the
/// timeline of each of its machines.
/// </summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "They go with the cluster, which ends the switch."
)]
public sealed partial class ClusterNetwork
{
    private const int BytesPerMiB = 1024 * 1024;

    private readonly Dictionary<string, ClusterMember> _members = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly LinkFaults _faults;
    private readonly TimeProvider _time;

    internal ClusterNetwork(string name, NetworkSpec spec, int seed, TimeProvider time)
    {
        (Name, Spec, _time) = (name, spec, time);
        Capture = new FrameCapture(spec.CaptureMiB * BytesPerMiB, time);
        _faults = new LinkFaults(name, seed, time);
        Switch = new EthernetSwitch(time, Capture, _faults);
    }

    /// <summary>Gets the network's name.</summary>
    public string Name { get; }

    /// <summary>Gets what it was described as.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>Gets what each machine's card has sent and got, by the machines' names.</summary>
    public IReadOnlyDictionary<string, NetworkTraffic> Traffic =>
        Switch.Ports.ToDictionary(port => port.Name, port => new NetworkTraffic(port.Counters), StringComparer.Ordinal);

    internal EthernetSwitch Switch { get; }

    internal FrameCapture Capture { get; }

    /// <summary>Sets how all frames of the network are carried, each counted once.</summary>
    /// <param name="conditions">The conditions; those before are forgotten.</param>
    /// <exception cref="ArgumentException">They have a mistake.</exception>
    public void Set(LinkConditions conditions) => SetParts("all", [LinkPart.Network], Checked(conditions));

    /// <summary>Takes all conditions away, wherever they were set; what is cut stays so.</summary>
    public void Clear()
    {
        _faults.Clear();
        Note("all conditions taken away");
    }

    /// <summary>Gets both directions between two machines.</summary>
    /// <param name="one">The name of one.</param>
    /// <param name="other">The name of the other.</param>
    /// <returns>The way between them.</returns>
    /// <exception cref="ArgumentException">One is not on the network.</exception>
    public NetworkLink Between(string one, string other)
    {
        Require(one, other);
        return new(this, $"between {one} and {other}", [new(one, other), new(other, one)]);
    }

    /// <summary>Gets the direction away from a machine: all that it sends.</summary>
    /// <param name="machine">Its name.</param>
    /// <returns>The way, which <see cref="NetworkLink.To"/> narrows to one receiver.</returns>
    /// <exception cref="ArgumentException">It is not on the network.</exception>
    public NetworkLink From(string machine)
    {
        Require(machine);
        return new(this, $"from {machine}", [new(machine, null)]);
    }

    /// <summary>Gets the direction towards a machine: all that it is sent.</summary>
    /// <param name="machine">Its name.</param>
    /// <returns>The way.</returns>
    /// <exception cref="ArgumentException">It is not on the network.</exception>
    public NetworkLink To(string machine)
    {
        Require(machine);
        return new(this, $"to {machine}", [new(null, machine)]);
    }

    /// <summary>
    /// Cuts the ways between groups of machines until <see cref="Heal"/>; within a group all stays as it is. A machine that is in no group
    /// reaches all. What was cut before stays so.
    /// </summary>
    /// <param name="groups">The names of each group's machines: at least two groups.</param>
    /// <exception cref="ArgumentException">A machine is not on the network, or in two groups.</exception>
    public void Partition(params IReadOnlyList<string>[] groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        string[] all = [.. groups.SelectMany(group => group ?? throw new ArgumentException("A group is null.", nameof(groups)))];
        Require(all);
        if (groups.Length < 2 || all.Distinct(StringComparer.Ordinal).Count() != all.Length)
            throw new ArgumentException("A partition has two groups or more, and no machine is in two of them.", nameof(groups));
        CutWays(
            $"partition {string.Join(" | ", groups.Select(group => string.Join(", ", group)))}",
            groups.SelectMany(
                (group, index) =>
                    group.SelectMany(from => groups.Where((_, other) => other != index).SelectMany(to => to.Select(one => (from, one))))
            ),
            isCut: true
        );
    }

    /// <summary>
    /// Cuts a machine off from all others that are on the network until <see cref="Heal"/>. Its carrier stays. One that joins later is not
    /// concerned.
    /// </summary>
    /// <param name="machine">Its name.</param>
    /// <exception cref="ArgumentException">It is not on the network.</exception>
    public void Isolate(string machine)
    {
        Require(machine);
        CutWays($"isolate {machine}", WaysOf(machine), isCut: true);
    }

    /// <summary>Joins all ways that are cut. Conditions stay, and so does a cable that is unplugged.</summary>
    public void Heal()
    {
        _faults.Heal();
        Note("heal");
    }

    /// <summary>Pulls a machine's cable: the guest sees that its card has no carrier. It stays so over a reboot.</summary>
    /// <param name="machine">Its name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when QEMU has done so.</returns>
    /// <exception cref="ArgumentException">It is not on the network.</exception>
    /// <exception cref="MachineExitedException">It has ended.</exception>
    public Task UnplugAsync(string machine, CancellationToken cancellationToken = default) =>
        PlugAsync(machine, isPulled: true, cancellationToken);

    /// <summary>Puts a machine's cable back.</summary>
    /// <param name="machine">Its name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when QEMU has done so.</returns>
    /// <exception cref="ArgumentException">It is not on the network.</exception>
    /// <exception cref="MachineExitedException">It has ended.</exception>
    public Task PlugAsync(string machine, CancellationToken cancellationToken = default) =>
        PlugAsync(machine, isPulled: false, cancellationToken);

    /// <summary>
    /// Writes the latest traffic, as much as <see cref="NetworkSpec.CaptureMiB"/> keeps, as pcapng for Wireshark or tcpdump. Each frame is
    /// there once, as its sender's card sent it; the interfaces have the machines' names.
    /// </summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    /// <exception cref="IOException">It can't be written.</exception>
    public Task SaveCaptureAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return CaptureFile.SaveAsync(path, Switch, Capture, cancellationToken);
    }

    internal void Add(ClusterMember member)
    {
        lock (_gate)
            _members[member.Name] = member;
    }

    internal void Remove(string machine)
    {
        lock (_gate)
            _members.Remove(machine);
    }

    /// <summary>Takes over what the ways of another one are like.</summary>
    internal void CopyFrom(ClusterNetwork other) => _faults.CopyFrom(other._faults);

    internal static LinkConditions Checked(LinkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        string[] problems = [.. LinkCheck.Problems(conditions)];
        return problems.Length == 0
            ? conditions
            : throw new ArgumentException(
                $"The conditions have {problems.Length} mistake(s):\n  {string.Join("\n  ", problems)}",
                nameof(conditions)
            );
    }

    internal void SetParts(string where, IEnumerable<LinkPart> parts, LinkConditions? conditions)
    {
        foreach (LinkPart part in parts)
            _faults.Set(part, conditions);
        Note($"{where}: {(conditions is null ? "no conditions" : LinkCheck.Describe(conditions))}");
    }

    internal void CutWays(string what, IEnumerable<(string From, string To)> ways, bool isCut)
    {
        _faults.Cut(ways, isCut);
        Note(what);
    }

    /// <summary>All ways of one part: to or from whoever is on the network.</summary>
    internal IEnumerable<(string From, string To)> WaysOf(LinkPart part)
    {
        string[] names = Names();
        return from one in part.From is { } sender ? [sender] : names
            from other in part.To is { } receiver ? [receiver] : names
            where one != other
            select (one, other);
    }

    internal void Require(params string[] machines)
    {
        string[] names = Names();
        foreach (string machine in machines)
        {
            if (!names.Contains(machine, StringComparer.Ordinal))
                throw new ArgumentException(
                    $"There is no machine \"{machine}\" on network \"{Name}\". There are: {string.Join(", ", names)}.",
                    nameof(machines)
                );
        }
    }

    private IEnumerable<(string From, string To)> WaysOf(string machine) =>
        [.. WaysOf(new LinkPart(machine, null)), .. WaysOf(new LinkPart(null, machine))];

    private async Task PlugAsync(string machine, bool isPulled, CancellationToken cancellationToken)
    {
        Require(machine);
        ClusterMember member;
        lock (_gate)
            member = _members[machine];
        await member.PlugAsync(Name, isPulled, cancellationToken).ConfigureAwait(false);
        Note($"{(isPulled ? "unplug" : "plug")} {machine}");
    }

    private string[] Names() => [.. Members().Select(member => member.Name)];

    private ClusterMember[] Members()
    {
        lock (_gate)
            return [.. _members.Values];
    }

    /// <summary>Notes what was done to it in the timeline of each machine on it.</summary>
    internal void Note(string what, Exception? failure = null)
    {
        foreach (ClusterMember member in Members())
            member.Machine.Operations.Record.NoteNetwork($"{Name}: {what}", failure);
    }
}
