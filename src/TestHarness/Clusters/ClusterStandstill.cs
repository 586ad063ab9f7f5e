using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Clusters;

/// <summary>Lets all machines of a cluster stand still together, so that what is done meanwhile is done at one moment of all.</summary>
/// <param name="cluster">The cluster.</param>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "It holds nothing of the system's; what was begun may outlive the cluster."
)]
internal sealed class ClusterStandstill(Cluster cluster)
{
    private readonly SemaphoreSlim _alone = new(1, 1);
    private readonly ConcurrentDictionary<string, Checkpoint> _checkpoints = new(StringComparer.Ordinal);

    /// <summary>Keeps all machines as they are.</summary>
    public Task CheckpointAsync(string name, CancellationToken cancellationToken) =>
        StandStillAsync(
            async (members, moment) =>
            {
                await Task.WhenAll(members.Select(member => member.Machine.CheckpointAsync(name, cancellationToken))).ConfigureAwait(false);
                _checkpoints[name] = new Checkpoint(moment, [.. members.Select(member => member.Name)]);
                return moment;
            },
            cancellationToken
        );

    /// <summary>Puts all machines back. What is on its way between them is of a time that has not been, and is dropped.</summary>
    /// <exception cref="ArgumentException">There is no such checkpoint, or a machine joined after it.</exception>
    public async Task RollbackAsync(string name, CancellationToken cancellationToken)
    {
        Checkpoint checkpoint = Find(name);
        SwitchPort[] ports = [.. cluster.Networks.Values.SelectMany(network => network.Switch.Ports)];
        try
        {
            // Before they stand still, so that they take what has arrived.
            Hold(isHeld: true);
            await StandStillAsync(PutBackAsync, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Hold(isHeld: false);
        }

        async Task<DateTimeOffset> PutBackAsync(ClusterMember[] members, DateTimeOffset moment)
        {
            await Task.WhenAll(members.Select(member => member.Machine.RollbackAsync(name, cancellationToken))).ConfigureAwait(false);
            Hold(isHeld: false);
            return checkpoint.Moment;
        }

        void Hold(bool isHeld)
        {
            foreach (SwitchPort port in ports)
                port.Hold(isHeld);
        }
    }

    /// <summary>Does something while all machines stand still. Those that were not paused go on.</summary>
    /// <param name="act">What is done with them, at which moment of the cluster's time; says at which one it goes on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task StandStillAsync(Func<ClusterMember[], DateTimeOffset, Task<DateTimeOffset>> act, CancellationToken cancellationToken)
    {
        await _alone.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ClusterMember[] members = cluster.Members(),
                running = [.. members.Where(member => member.Machine.State == MachineState.Running)];
            DateTimeOffset goesOn = cluster.Time.Now;
            try
            {
                await Task.WhenAll(running.Select(member => member.Machine.PauseAsync(cancellationToken))).ConfigureAwait(false);
                goesOn = await act(members, cluster.Time.Now).ConfigureAwait(false);
            }
            finally
            {
                cluster.Time.GoOnFrom(goesOn);
                await Task.WhenAll(
                        running
                            .Where(member => member.Machine.State == MachineState.Paused)
                            .Select(member => member.Machine.ResumeAsync(CancellationToken.None))
                    )
                    .ConfigureAwait(false);
            }
        }
        finally
        {
            _alone.Release();
        }
    }

    private Checkpoint Find(string name)
    {
        if (!_checkpoints.TryGetValue(name, out Checkpoint? checkpoint))
            throw new ArgumentException(
                $"The cluster has no checkpoint \"{name}\". Checkpoints: "
                    + (
                        _checkpoints.IsEmpty
                            ? "it has none; call CheckpointAsync first."
                            : $"{string.Join(", ", _checkpoints.Keys.Select(one => $"\"{one}\""))}."
                    ),
                nameof(name)
            );
        string[] joined = [.. cluster.Members().Select(member => member.Name).Except(checkpoint.Machines, StringComparer.Ordinal)];
        return joined.Length == 0
            ? checkpoint
            : throw new ArgumentException(
                $"The cluster can't be put back to \"{name}\": {string.Join(", ", joined)} joined after that checkpoint.",
                nameof(name)
            );
    }

    /// <summary>A moment of all machines, by the cluster's time.</summary>
    private sealed record Checkpoint(DateTimeOffset Moment, IReadOnlyList<string> Machines);
}
