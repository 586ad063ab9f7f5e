using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using TestHarness.Clusters;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;

namespace TestHarness;

/// <summary>
/// Several machines that were started together, and the networks between them. The networks are switches in this process: they need no
/// rights, and nothing of the host is on them. They end with the cluster.
/// </summary>
public sealed class Cluster : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly AddressBook _book;
    private readonly List<ClusterMember> _members = [];
    private readonly Dictionary<string, ClusterNetwork> _networks = new(StringComparer.Ordinal);
    private bool _isStarted;
    private volatile bool _isUp;
    private bool _isDisposed;

    /// <summary>Describes a cluster; starts nothing and touches no file.</summary>
    /// <param name="spec">The cluster.</param>
    /// <exception cref="ArgumentException">The spec has mistakes.</exception>
    public Cluster(ClusterSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ClusterCheck.Check(spec);
        Spec = spec;
        Seed = spec.Seed ?? RandomNumberGenerator.GetInt32(int.MaxValue);
        _book = new AddressBook(spec.Networks);
        foreach ((string name, MachineSpec machine) in spec.Machines)
            Join(name, machine);
    }

    /// <summary>Gets what the cluster was described as.</summary>
    public ClusterSpec Spec { get; }

    /// <summary>Gets what everything random in the networks' faults follows from (<see cref="ClusterSpec.Seed"/>).</summary>
    public int Seed { get; }

    /// <summary>Gets the machines by their names, also those that were added or have ended.</summary>
    public IReadOnlyDictionary<string, VirtualMachine> Machines =>
        Members().ToDictionary(member => member.Name, member => member.Machine, StringComparer.Ordinal);

    /// <summary>Gets the networks by their names.</summary>
    public IReadOnlyDictionary<string, ClusterNetwork> Networks
    {
        get
        {
            lock (_gate)
                return new Dictionary<string, ClusterNetwork>(_networks, StringComparer.Ordinal);
        }
    }

    /// <summary>Gets a machine.</summary>
    /// <param name="name">Its name in the cluster.</param>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public VirtualMachine this[string name] =>
        Array.Find(Members(), member => member.Name == name)?.Machine
        ?? throw new KeyNotFoundException(
            $"The cluster has no machine \"{name}\". There are: {string.Join(", ", Members().Select(member => member.Name))}."
        );

    /// <summary>Gets a value indicating whether the cluster was disposed.</summary>
    public bool IsDisposed
    {
        get
        {
            lock (_gate)
                return _isDisposed;
        }
    }

    /// <summary>Gets a value indicating whether <see cref="StartAsync(IProgress{StartProgress}, CancellationToken)"/> was called.</summary>
    public bool IsStarted
    {
        get
        {
            lock (_gate)
                return _isStarted;
        }
    }

    /// <summary>
    /// Describes and starts a cluster, all machines side by side; returns when each is up, has its addresses, and knows the others' names.
    /// Where one does not start, none is left.
    /// </summary>
    /// <param name="spec">The cluster.</param>
    /// <param name="progress">Told each step, with the machine's name before it, as by
    /// <see cref="VirtualMachine.StartAsync(MachineSpec, IProgress{StartProgress}, CancellationToken)"/>. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machines.</param>
    /// <returns>The running cluster; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The spec has mistakes.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">A machine did not start.</exception>
    public static async Task<Cluster> StartAsync(
        ClusterSpec spec,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        var cluster = new Cluster(spec);
        await cluster.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        return cluster;
    }

    /// <summary>Starts the cluster, once, as the other one does. A cluster that does not start is disposed.</summary>
    /// <param name="progress">Told each step. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machines.</param>
    /// <returns>A task for the start.</returns>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">A machine did not start.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public async Task StartAsync(IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_isStarted)
                throw new InvalidOperationException("The cluster was started before: make another one with the same spec.");
            _isStarted = true;
        }

        try
        {
            await StartMembersAsync(progress, cancellationToken).ConfigureAwait(false);
            await ClusterSetup.RunAsync(this, progress, cancellationToken).ConfigureAwait(false);
            _isUp = true;
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Starts a further machine; when it returns, it and the others know each other's names.</summary>
    /// <param name="name">Its name in the cluster.</param>
    /// <param name="spec">The machine; it may name networks that are new.</param>
    /// <param name="progress">Told each step. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>The running machine, which goes with the cluster.</returns>
    /// <exception cref="ArgumentException">The spec has mistakes, or the name is taken.</exception>
    /// <exception cref="InvalidOperationException">The cluster has not started, or has 64 machines.</exception>
    /// <exception cref="MachineStartException">It did not start.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public async Task<VirtualMachine> AddAsync(
        string name,
        MachineSpec spec,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(spec);
        string[] problems = [.. ClusterCheck.Problems(name, spec)];
        if (problems.Length > 0)
            throw new ArgumentException(string.Join('\n', problems), nameof(spec));
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!_isUp)
            throw new InvalidOperationException(
                $"The cluster has not started: machine \"{name}\" can join it then, or be named in its spec."
            );
        if (Members().Length == ClusterCheck.MostMachines)
            throw new InvalidOperationException($"The cluster has {ClusterCheck.MostMachines} machines: more are not possible.");
        ClusterMember added = Join(name, spec);
        try
        {
            await added.Machine.StartAsync(ClusterProgress.Of(name, progress), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Leave(added);
            await added.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await Task.WhenAll(Members().Select(member => member.Machine.TellNamesAsync(cancellationToken))).ConfigureAwait(false);
        return added.Machine;
    }

    /// <summary>Ends all machines at once, and then the networks.</summary>
    /// <returns>A task that ends when they are gone.</returns>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
            _isDisposed = true;
        try
        {
            await Task.WhenAll(Members().Select(member => member.DisposeAsync().AsTask())).ConfigureAwait(false);
        }
        finally
        {
            foreach (ClusterNetwork network in Networks.Values)
                network.Switch.Dispose();
        }
    }

    /// <summary>Returns the machines' names, which test lists show.</summary>
    /// <returns>The names.</returns>
    public override string ToString() => string.Join(", ", Members().Select(member => member.Name));

    private ClusterMember Join(string name, MachineSpec spec)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            IReadOnlyList<CardAddress> cards = _book.Enter(name, spec.CardsOnNetworks);
            List<CardCable> cables = [];
            List<ClusterNetwork> networks = [];
            foreach (CardAddress card in cards)
            {
                if (!_networks.TryGetValue(card.Network, out ClusterNetwork? network))
                {
                    network = new ClusterNetwork(card.Network, _book.NetworkOf(card.Network).Spec, Seed);
                    _networks.Add(card.Network, network);
                }

                cables.Add(new CardCable(network.Switch, network.Switch.Add(name, card.Mac)));
                networks.Add(network);
            }

            var wiring = new Wiring(name, _book, cards, cables)
            {
                Seed = Seed,
                Captures = networks.ToDictionary(
                    network => network.Name,
                    network => new Func<string, CancellationToken, Task>(network.SaveCaptureAsync)
                ),
            };
            var member = new ClusterMember(name, new VirtualMachine(spec with { Hostname = spec.Hostname ?? name }, wiring), wiring);
            _members.Add(member);
            foreach (ClusterNetwork network in networks)
                network.Add(member);
            return member;
        }
    }

    private void Leave(ClusterMember member)
    {
        lock (_gate)
        {
            _members.Remove(member);
            _book.Remove(member.Name);
            foreach (CardAddress card in member.Cards)
                _networks[card.Network].Remove(member.Name);
        }
    }

    // Two clusters that each hold a part of the host's room would wait for each other, so one takes all of its own at a time.
    private async Task StartMembersAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        Ledger.Default.RequireRoom(ClusterRoom.Of(ToString(), [.. Members().Select(member => member.Machine.Spec)]));
        using FileLock alone = await Ledger
            .Default.BeginManyAsync(() => progress?.Report(new StartProgress("waiting for another cluster to start")), cancellationToken)
            .ConfigureAwait(false);
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? first = null;
        await Task.WhenAll(Members().Select(StartAsync)).ConfigureAwait(false);
        if (first is not null)
            ExceptionDispatchInfo.Throw(first);

        async Task StartAsync(ClusterMember member)
        {
            try
            {
                await member.Machine.StartAsync(ClusterProgress.Of(member.Name, progress), others.Token).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Those of the others follow from it.
                Interlocked.CompareExchange(ref first, e, null);
                await others.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private ClusterMember[] Members()
    {
        lock (_gate)
            return [.. _members];
    }
}
