using System.Collections.Concurrent;
using Xunit;

namespace TestHarness.Xunit;

/// <summary>
/// A machine shared by the tests of a class (<c>IClassFixture</c>), a collection (<c>ICollectionFixture</c>) or an assembly
/// (<c>AssemblyFixture</c>), and fresh ones like it on demand. xunit starts and disposes it.
/// </summary>
public abstract class VirtualMachineFixture : IAsyncLifetime
{
    private readonly ConcurrentBag<VirtualMachine> _fresh = [];
    private readonly ConcurrentDictionary<string, bool> _testsWithFresh = new(StringComparer.Ordinal);
    private VirtualMachine? _machine;

    /// <summary>Makes the fixture; starts nothing.</summary>
    protected VirtualMachineFixture() => MachineRecorder.EnsureStarted();

    /// <summary>Gets the shared machine; the fixture disposes it.</summary>
    /// <exception cref="InvalidOperationException">The fixture is not initialised.</exception>
    public VirtualMachine Machine =>
        _machine
        ?? throw new InvalidOperationException(
            $"The machine of fixture '{GetType().Name}' is not started: let xunit make the fixture "
                + $"(IClassFixture<{GetType().Name}>), or call InitializeAsync."
        );

    /// <summary>Gets the spec of the fixture's machines.</summary>
    protected abstract MachineSpec Spec { get; }

    /// <summary>Starts a fresh machine of the same spec, which no other test has seen.</summary>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>The running machine. The caller disposes it; the fixture disposes those that are left at its end.</returns>
    public async Task<VirtualMachine> StartFreshAsync(CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, TestContext.Current.CancellationToken);
        VirtualMachine machine = await VirtualMachine.StartAsync(Spec, DiagnosticProgress.Instance, either.Token).ConfigureAwait(false);
        _fresh.Add(machine);
        // Where several tests have asked, the next one does, too.
        ITestContext context = TestContext.Current;
        _testsWithFresh[context.Test?.UniqueID ?? ""] = true;
        if (_testsWithFresh.Count > 1 && TestsAhead.Any(context))
            machine.PrepareNext();
        return machine;
    }

    /// <summary>Starts the shared machine.</summary>
    /// <returns>A task for the start.</returns>
    public virtual async ValueTask InitializeAsync() =>
        _machine = await MachineRecorder
            .StartSharedAsync(() => VirtualMachine.StartAsync(Spec, DiagnosticProgress.Instance, TestContext.Current.CancellationToken))
            .ConfigureAwait(false);

    /// <summary>Disposes the machines.</summary>
    /// <returns>A task that ends when they are gone.</returns>
    public virtual async ValueTask DisposeAsync()
    {
        foreach (VirtualMachine machine in _fresh)
            await machine.DisposeAsync().ConfigureAwait(false);
        if (_machine is not null)
            await _machine.DisposeAsync().ConfigureAwait(false);
        await VirtualMachine.ReleaseSparesAsync(Spec).ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }
}
