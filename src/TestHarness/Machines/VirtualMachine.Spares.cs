using TestHarness.Machines;
using TestHarness.Operations;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private const int WarmUps = 3;

    /// <summary>
    /// Describes and starts a machine; returns when the guest is up, answers, and has confirmed clock, random state and host name.
    /// </summary>
    /// <param name="spec">The machine.</param>
    /// <param name="progress">Told each step, also of an image or a template that is made first, on a thread of its own. What it throws
    /// ends the start. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machine.</param>
    /// <returns>The running machine; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The spec has mistakes.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">QEMU or the guest did not start.</exception>
    public static async Task<VirtualMachine> StartAsync(
        MachineSpec spec,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        var started = new VirtualMachine(spec);
        SparePool? spares = spec.Spares > 0 ? SparePool.Of(spec) : SparePool.Find(spec);
        VirtualMachine? spare = spares is null ? null : await spares.TryTakeAsync(progress, cancellationToken).ConfigureAwait(false);
        if (spare is null)
            await started.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        if (spec.Spares > 0)
            SparePool.Of(spec).Fill(spec.Spares);
        return spare ?? started;
    }

    /// <summary>
    /// Ends the spare machines of a spec (<see cref="MachineSpec.Spares"/>); those that were handed out are not concerned.
    /// </summary>
    /// <param name="spec">The spec.</param>
    /// <returns>A task that ends when they are gone.</returns>
    public static Task ReleaseSparesAsync(MachineSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return SparePool.CloseAsync(spec);
    }

    /// <summary>
    /// Says that another machine of the same spec will be started soon, for test frameworks that know what comes next. One is made ready in
    /// the background once a core of the host is idle, and
    /// <see cref="StartAsync(MachineSpec, IProgress{StartProgress}, CancellationToken)"/> hands it out. Nothing is done for a machine that
    /// booted, that has a fixed port of the host or arguments for QEMU of its own, or where the host has no room.
    /// <see cref="ReleaseSparesAsync"/> ends what nobody has asked for, and so does a start that waits for room.
    /// </summary>
    /// <exception cref="InvalidOperationException">This machine is not started.</exception>
    public void PrepareNext()
    {
        if (State == MachineState.Created)
            throw NotStarted();
        if (_starter.IsRestoredWhole && Spec.ExtraQemuArguments.Count == 0 && Spec.PortForwards.All(forward => forward.HostPort == 0))
            SparePool.Of(Spec).PrepareNext();
    }

    /// <summary>Starts a machine, warms it with a command, and pauses it. Fails at once where there is no room for it.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="isAwaited">Whether somebody waits for it by now: it is neither warmed any more nor paused.</param>
    internal static async Task<VirtualMachine> PrepareSpareAsync(MachineSpec spec, Func<bool> isAwaited)
    {
        var spare = new VirtualMachine(spec with { Spares = 0 });
        spare._starter.IsSpare = true;
        await spare.StartAsync().ConfigureAwait(false);
        try
        {
            // The emulator translates what a command's start needs; the next command finds it done.
            for (int round = 0; round < WarmUps && !isAwaited(); round++)
            {
                await spare.Shell.RunAsync("uname; true").ConfigureAwait(false);
                await spare.Shell.RunAsync(["true"]).ConfigureAwait(false);
                await spare._standstill.GoOnAsync("a spare machine's clock", begins: true, CancellationToken.None).ConfigureAwait(false);
            }

            if (!isAwaited())
                await spare._standstill.StopAsync("a spare machine to pause", CancellationToken.None).ConfigureAwait(false);
            return spare;
        }
        catch
        {
            await spare.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lets a spare go on as its new owner's machine, with the clock and random state of now.</summary>
    /// <param name="progress">Told of it; what it throws comes out, and the caller ends the machine.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False where it died while it waited.</returns>
    internal async Task<bool> TryTakeAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        _starter.IsSpare = false;
        RecordedProgress told = _operations.Record.Recorded(progress);
        // Beside what the guest does: a thread's turn costs a good part of a millisecond.
        told.Tell("running (a spare)");
        try
        {
            await _ending.TellStartingAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            _view.ShowFromNow("since the machine was handed out");
            await _standstill.GoOnAsync("a spare machine to go on", begins: true, cancellationToken).ConfigureAwait(false);
        }
        catch (TestHarnessException)
        {
            return false;
        }

        await told.SettleAsync().ConfigureAwait(false);
        return true;
    }
}
