using TestHarness.Clusters;
using TestHarness.Machines;
using TestHarness.Templates;

namespace TestHarness;

// What is done with all its machines at one moment.
public sealed partial class Cluster
{
    /// <summary>
    /// Keeps all machines as they are at one moment, under a name, as <see cref="VirtualMachine.CheckpointAsync"/> does with one. All stand
    /// still before the first is kept, and go on together. It goes with the cluster.
    /// </summary>
    /// <param name="name">The name; a checkpoint of that name is replaced, also one of a machine alone.</param>
    /// <param name="cancellationToken">Ends the wait; machines that have begun go on to the end.</param>
    /// <returns>A task for the checkpoint.</returns>
    /// <exception cref="InvalidOperationException">The cluster has not started.</exception>
    /// <exception cref="MachineExitedException">A machine has ended.</exception>
    /// <exception cref="MonitorException">A device can't be saved.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public Task CheckpointAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        RequireUp();
        return _standstill.CheckpointAsync(name, cancellationToken);
    }

    /// <summary>
    /// Puts all machines back to a checkpoint of the cluster. Connections between them are as they were then; frames that are on their way
    /// are dropped. Conditions, cuts and cables of the networks stay as they are now. The machines' clocks are as
    /// <see cref="ClusterSpec.Clock"/> says.
    /// </summary>
    /// <param name="name">The checkpoint's name. It stays, and can be gone back to again.</param>
    /// <param name="cancellationToken">Ends the wait; machines that have begun go on to the end.</param>
    /// <returns>A task that ends when all answer, but those that were paused.</returns>
    /// <exception cref="ArgumentException">There is no such checkpoint, or a machine joined after it.</exception>
    /// <exception cref="InvalidOperationException">The cluster has not started.</exception>
    /// <exception cref="MachineExitedException">A machine has ended.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public Task RollbackAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        RequireUp();
        return _standstill.RollbackAsync(name, cancellationToken);
    }

    /// <summary>
    /// Makes clusters that go on from this very moment, each with all machines on networks of its own, as they are now: addresses,
    /// connections between the machines, conditions and cuts. This cluster goes on. Ports of the host are other ones.
    /// </summary>
    /// <param name="count">How many, 1 to 100. They are started one after the other, since each takes its machines' room on the
    /// host.</param>
    /// <param name="cancellationToken">Ends it; heirs that are there already are disposed.</param>
    /// <returns>The heirs; the caller disposes each.</returns>
    /// <exception cref="InvalidOperationException">The cluster has not started, or a machine can't be forked
    /// (<see cref="VirtualMachine.ForkAsync"/>).</exception>
    /// <exception cref="HostNotReadyException">The host has no room for them.</exception>
    /// <exception cref="MonitorException">A device can't be saved.</exception>
    /// <exception cref="MachineExitedException">A machine has ended.</exception>
    /// <exception cref="MachineStartException">A machine of an heir did not come up.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public Task<Cluster[]> ForkAsync(int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 100);
        RequireUp();
        return new ClusterForks(this, _standstill).MakeHeirsAsync(count, cancellationToken);
    }

    /// <summary>
    /// Starts a further machine that goes on from this very moment of another one: processes, memory, disks. On the other's networks it has
    /// addresses and a name of its own, so its connections to others end. When it returns, all know each other's names.
    /// </summary>
    /// <param name="name">Its name in the cluster, and its host name.</param>
    /// <param name="of">The name of the machine that it goes on from, which goes on, too.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>The running machine, which goes with the cluster.</returns>
    /// <exception cref="ArgumentException">The name is none, or taken.</exception>
    /// <exception cref="InvalidOperationException">The cluster has not started, or has 64 machines, or the machine can't be forked
    /// (<see cref="VirtualMachine.ForkAsync"/>).</exception>
    /// <exception cref="KeyNotFoundException">There is no machine to go on from.</exception>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    /// <exception cref="MachineExitedException">It has ended.</exception>
    /// <exception cref="MachineStartException">The further one did not come up.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public async Task<VirtualMachine> AddForkAsync(string name, string of, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        RequireUp();
        VirtualMachine parent = this[of];
        MachineSpec spec = parent.SpecOfHeir();
        using Template saved = await parent.SaveForHeirsAsync(cancellationToken).ConfigureAwait(false);
        return await AddAsync(
                name,
                spec with
                {
                    Hostname = name,
                    Networks = [],
                    Cards = spec.CardsOfHeir,
                },
                heir => heir.GoOnFrom(Forks.Open(saved.Key), parent),
                progress: null,
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>Takes over what the networks of another cluster with the same machines are like, and which cables are pulled.</summary>
    internal void CopyLinksFrom(Cluster other)
    {
        IReadOnlyDictionary<string, ClusterNetwork> others = other.Networks;
        foreach ((string name, ClusterNetwork network) in Networks)
            network.CopyFrom(others[name]);
        foreach ((ClusterMember member, ClusterMember its) in Members().Zip(other.Members()))
            member.CopyCablesFrom(its);
    }

    private void RequireUp()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!_isUp)
            throw new InvalidOperationException($"The cluster has not started: call {nameof(StartAsync)} first.");
    }
}
