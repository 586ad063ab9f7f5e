using System.Collections.Concurrent;
using Xunit;

namespace TestHarness.Xunit;

/// <summary>
/// A cluster shared by the tests of a class (<c>IClassFixture</c>), a collection (<c>ICollectionFixture</c>) or an assembly
/// (<c>AssemblyFixture</c>), and fresh ones like it on demand. xunit starts and disposes it.
/// </summary>
public abstract class ClusterFixture : IAsyncLifetime
{
    private readonly ConcurrentDictionary<Cluster, bool> _fresh = [];
    private Cluster? _cluster;

    /// <summary>Makes the fixture; starts nothing.</summary>
    protected ClusterFixture() => MachineRecorder.EnsureStarted();

    /// <summary>Gets the shared cluster; the fixture disposes it.</summary>
    /// <exception cref="InvalidOperationException">The fixture is not initialised.</exception>
    public Cluster Cluster =>
        _cluster
        ?? throw new InvalidOperationException(
            $"The cluster of fixture '{GetType().Name}' is not started: let xunit make the fixture "
                + $"(IClassFixture<{GetType().Name}>), or call InitializeAsync."
        );

    /// <summary>Gets the spec of the fixture's clusters.</summary>
    protected abstract ClusterSpec Spec { get; }

    /// <summary>Starts a fresh cluster of the same spec, which no other test has seen.</summary>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>The running cluster. The caller disposes it; the fixture disposes those that are left at its end.</returns>
    public async Task<Cluster> StartFreshAsync(CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, TestContext.Current.CancellationToken);
        Cluster cluster = await Cluster.StartAsync(Spec, DiagnosticProgress.Instance, either.Token).ConfigureAwait(false);
        // Those that their tests have disposed hold captures.
        foreach (Cluster disposed in _fresh.Keys.Where(one => one.IsDisposed))
            _fresh.TryRemove(disposed, out _);
        _fresh[cluster] = true;
        return cluster;
    }

    /// <summary>Starts the shared cluster.</summary>
    /// <returns>A task for the start.</returns>
    public virtual async ValueTask InitializeAsync() =>
        _cluster = await MachineRecorder
            .StartSharedAsync(() => Cluster.StartAsync(Spec, DiagnosticProgress.Instance, TestContext.Current.CancellationToken))
            .ConfigureAwait(false);

    /// <summary>Disposes the clusters.</summary>
    /// <returns>A task that ends when they are gone.</returns>
    public virtual async ValueTask DisposeAsync()
    {
        foreach (Cluster cluster in _fresh.Keys)
            await cluster.DisposeAsync().ConfigureAwait(false);
        if (_cluster is not null)
            await _cluster.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes a cluster of the fixture's spec; starts nothing.</summary>
    internal Cluster Describe() => new(Spec);
}
