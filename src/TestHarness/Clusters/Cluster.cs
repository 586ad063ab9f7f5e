using System.Security.Cryptography;
using TestHarness.Clusters;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// Several machines that were started together, and the networks between them. The networks are switches in this process: they need no
/// rights, and nothing of the host is on them. They end with the cluster.
/// </summary>
public sealed partial class Cluster : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly AddressBook _book;
    private readonly ClusterStandstill _standstill;
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
        Time = new ClusterTime(spec.Clock);
        _standstill = new ClusterStandstill(this);
        _book = new AddressBook(spec.Networks);
        foreach ((string name, MachineSpec machine) in spec.Machines)
            Join(name, machine);
        ClusterNetwork.Serve(Networks.Values, _book);
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

    internal ClusterTime Time { get; }

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
    public Task StartAsync(IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default) =>
        BeginAsync(start => start.RunAsync(cancellationToken), progress);

    /// <summary>Starts the cluster, once, in the way that is given.</summary>
    internal async Task BeginAsync(Func<ClusterStart, Task> begin, IProgress<StartProgress>? progress)
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
            await begin(new ClusterStart(this, progress)).ConfigureAwait(false);
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
    public Task<VirtualMachine> AddAsync(
        string name,
        MachineSpec spec,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    ) => AddAsync(name, spec, _ => { }, progress, cancellationToken);

    // What is said to the machine before its start is up to the caller.
    private async Task<VirtualMachine> AddAsync(
        string name,
        MachineSpec spec,
        Action<VirtualMachine> prepare,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
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
            ClusterNetwork.Serve(Networks.Values, _book);
            prepare(added.Machine);
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
        foreach (ClusterNetwork network in Networks.Values)
            await network.EndAsync().ConfigureAwait(false);
        try
        {
            await Task.WhenAll(Members().Select(member => member.DisposeAsync().AsTask())).ConfigureAwait(false);
        }
        finally
        {
            foreach (ClusterNetwork network in Networks.Values)
                network.End();
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
            IReadOnlyList<CardAddress> cards = _book.Enter(name, spec.CardsOnNetworks, spec.GuestAccess != GuestAccess.None);
            List<CardCable> cables = [];
            List<ClusterNetwork> networks = [];
            foreach (CardAddress card in cards)
            {
                if (!_networks.TryGetValue(card.Network, out ClusterNetwork? network))
                {
                    network = new ClusterNetwork(card.Network, _book.NetworkOf(card.Network).Spec, Seed, Clock.System);
                    _networks.Add(card.Network, network);
                }

                cables.Add(new CardCable(network.Switch, network.Switch.Add(name, card.Mac)));
                networks.Add(network);
            }

            var wiring = new Wiring(name, _book, cards, cables)
            {
                Behind = () => Time.Behind,
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

    internal ClusterMember[] Members()
    {
        lock (_gate)
            return [.. _members];
    }
}
