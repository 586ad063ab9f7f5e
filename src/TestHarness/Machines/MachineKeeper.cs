using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Keeps a machine's QEMU: launches it, looks after its end, and brings the guest back in a new one.</summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "It holds nothing of the system's; its tokens may outlive the machine."
)]
internal sealed class MachineKeeper
{
    // What a reader of the timeline looks for; the others (timer, block jobs, migration steps) are noise.
    private static readonly HashSet<string> NotedEvents = new(StringComparer.Ordinal)
    {
        "SHUTDOWN",
        "RESET",
        "STOP",
        "RESUME",
        "GUEST_PANICKED",
        "WATCHDOG",
        "BLOCK_IO_ERROR",
    };

    // A QEMU that ends closes its monitor some milliseconds before its process is gone. Shorter than an operation waits for the exit
    // that its own failure may be the first sign of (VirtualMachine.ExitFollows).
    private static readonly TimeSpan EndFollowsMonitor = TimeSpan.FromMilliseconds(500);

    private readonly MachineOperations _machine;
    private readonly MachineLife _life;
    private readonly GuestSession _guest;
    private readonly GuestWatch _watch;
    private readonly GuestBoot _boot;
    private readonly IReadOnlyList<SerialConsole> _serials;
    private readonly GuestTroubles _troubles;
    private readonly SemaphoreSlim _ending = new(1, 1);
    private readonly CancellationTokenSource _killed = new();
    private readonly CancellationTokenSource _ended = new();
    private Task _exitWatch = Task.CompletedTask;

    /// <param name="machine">What operations need.</param>
    /// <param name="life">The machine's state.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="watch">What looks out for trouble in it.</param>
    /// <param name="boot">What brings it up.</param>
    /// <param name="serials">The serial ports, the console first.</param>
    public MachineKeeper(
        MachineOperations machine,
        MachineLife life,
        GuestSession guest,
        GuestWatch watch,
        GuestBoot boot,
        IReadOnlyList<SerialConsole> serials
    )
    {
        (_machine, _life, _guest, _watch, _boot, _serials) = (machine, life, guest, watch, boot, serials);
        _troubles = new GuestTroubles(
            guest,
            watch,
            () => KernelCommandLine.RebootsOnPanic([Run?.Plan.Boot.KernelArguments ?? "", machine.Spec.KernelArguments]),
            BreakAsync
        );
    }

    /// <summary>The QEMU of now and what it holds, or <see langword="null"/> before there is one.</summary>
    public MachineRun? Run { get; set; }

    /// <summary>Fires when the machine has ended.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Fires when the library begins to end the machine.</summary>
    public CancellationToken Killed => _killed.Token;

    /// <summary>Ends when there is no QEMU that could end: at once, where none was started.</summary>
    public Task ExitWatch => _exitWatch;

    private MachineRun Launched => Run!;

    /// <summary>Starts QEMU on the run's folder, and the guest in it: restored, where the plan says so.</summary>
    /// <exception cref="TemplateRefusedException">QEMU refused the template.</exception>
    public async Task LaunchAsync(CancellationToken cancellationToken)
    {
        MachineRun run = Launched;
        bool restored = run.Plan.Boot.IsRestored;
        try
        {
            QemuInstance instance;
            using (Spans.Start("qemu"))
                instance = await run.LaunchAsync(_machine.Name, OnMonitorEvent, cancellationToken).ConfigureAwait(false);
            _exitWatch = WatchExitAsync(run, instance);
            _watch.Boot();
            foreach ((SerialConsole port, SerialPipe pipe) in _serials.Zip(instance.Serials))
                port.Connect(pipe);
            if (restored)
                await RestoreAsync(run, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (restored && e is QmpException or QemuEndedException or IOException or SocketException)
        {
            await run.ThrowIfRefusedAsync(e).ConfigureAwait(false);
            throw;
        }

        await _machine.Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until the guest is up.</summary>
    /// <param name="phase">Told what is waited for.</param>
    /// <param name="restarted">Told each restart that user-data asked for.</param>
    /// <param name="cancellationToken">Ends the wait by the limit.</param>
    public async Task ComeUpAsync(Action<string> phase, Action restarted, CancellationToken cancellationToken)
    {
        await _boot.ComeUpAsync(Launched, phase, restarted, cancellationToken).ConfigureAwait(false);
        _troubles.Up();
    }

    /// <summary>The start is done. An end on its last steps was left to the start, and is looked after from here on.</summary>
    public void FinishStart()
    {
        if (!_life.FinishStart(Launched.Instance!))
            _exitWatch = WatchExitAsync(Launched, Launched.Instance!);
    }

    /// <summary>The machine is about to be ended by the library: whatever is under way ends.</summary>
    public Task KillAsync()
    {
        _life.Kill();
        return _killed.CancelAsync();
    }

    /// <summary>Ends what there is of an attempt to start that failed.</summary>
    public async Task EndAttemptAsync()
    {
        if (Run is not { } run)
            return;
        await run.EndQemuAsync().ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
        await run.DisposeAsync().ConfigureAwait(false);
        Run = null;
    }

    /// <summary>Ends the machine, and removes what there is of it on the host. May be called again.</summary>
    public async Task EndAsync()
    {
        await _ending.WaitAsync().ConfigureAwait(false);
        try
        {
            _life.Kill();
            await _guest.DisposeAsync().ConfigureAwait(false);
            if (Run is { } run)
                await run.EndQemuAsync().ConfigureAwait(false);
            await _exitWatch.ConfigureAwait(false);
            await DrainAsync().ConfigureAwait(false);
            await _machine.Record.Followers.SettleAsync().ConfigureAwait(false);
            _life.Close();
            if (Run is not null)
                await Run.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _ending.Release();
        }
    }

    /// <summary>Waits until all that a QEMU that has ended wrote is in the logs.</summary>
    public Task DrainAsync() => Task.WhenAll(_serials.Select(port => port.DrainAsync()));

    /// <summary>A host disk that has failed is the machine's end, before what a guest did is taken for its own doing.</summary>
    public async Task LookAtBaseFilesAsync()
    {
        if (_life is { Exit: null, State: MachineState.Running or MachineState.Paused } && Run?.FindCut() is { } cut)
            await BreakAsync(MachineExitReason.HostDiskFailed, cut).ConfigureAwait(false);
    }

    // The log begins with the template's, once it is certain that the machine goes on from there.
    private async Task RestoreAsync(MachineRun run, CancellationToken cancellationToken)
    {
        using (Spans.Start("restore"))
            await run.LoadAsync(cancellationToken).ConfigureAwait(false);
        foreach ((int index, SerialConsole port) in _serials.Index())
            port.Log.Append(run.Template!.ReadSerialLog(index));
    }

    private void OnMonitorEvent(QmpEvent happened)
    {
        if (NotedEvents.Contains(happened.Name))
            _machine.Record.NoteQemu($"{happened.Name} {happened.Data}".Trim());
        if (_watch.JudgeReset(happened) is { } loop)
            _troubles.See(loop);
        // A guest that had been up restarts: from here on its boot is watched.
        if (
            happened.Name == "RESET"
            && _machine.Spec.GuestAccess != GuestAccess.None
            && _machine.State is MachineState.Running or MachineState.Rebooting
        )
            _boot.WatchReboot(happened);
        else
            _watch.See(happened);
        // https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html: SHUTDOWN says whether the guest asked for it, and why.
        if (happened.Name == "SHUTDOWN")
            _life.SeeShutdown(GuestWatch.IsGuests(happened), toReset: happened.Data.TryGetText("reason") == "guest-reset");
    }

    private async Task WatchExitAsync(MachineRun run, QemuInstance instance)
    {
        QemuProcess process = instance.Process;
        await EndWithoutMonitorAsync(instance).ConfigureAwait(false);
        int exitCode = await process.Exited.ConfigureAwait(false);
        // QEMU's last event says why it ended.
        await instance.Monitor.Closed.ConfigureAwait(false);
        QemuEndIs end = _life.SeeEnd(instance, exitCode);
        if (end == QemuEndIs.ForStarter || (end == QemuEndIs.Reboot && await TryRelaunchAsync(run).ConfigureAwait(false)))
            return;
        string? outOfMemory = await process.FindOutOfMemoryAsync().ConfigureAwait(false);
        MachineExit exit = _life.Judge(new QemuEnd(exitCode, process.StandardError) { CutDisk = run.FindCut(), OutOfMemory = outOfMemory });
        _machine.Record.NoteEnd($"ended: {exit}");
        TellEnd();
    }

    // A QEMU that takes no commands can neither be looked at nor tells how its guest fares: it is ended, and the exit says why.
    private async Task EndWithoutMonitorAsync(QemuInstance instance)
    {
        Task<int> exited = instance.Process.Exited;
        if (await Task.WhenAny(exited, instance.Monitor.Closed).ConfigureAwait(false) == exited)
            return;
        await Task.WhenAny(exited, _machine.Time.Delay(EndFollowsMonitor)).ConfigureAwait(false);
        if (!exited.IsCompleted && _life.TryLoseMonitor(instance.Monitor.Broken?.Message))
            instance.Process.Kill();
    }

    // A restored guest that reboots: its QEMU has ended, for it knows no kernel; a new one boots from the same disks.
    private async Task<bool> TryRelaunchAsync(MachineRun run)
    {
        // One who ends the machine holds this until nothing is left to boot from.
        if (!await _ending.WaitAsync(TimeSpan.Zero).ConfigureAwait(false))
            return false;
        using Deadline limit = _machine.Time.Limit(_machine.Limits.Start, Killed);
        try
        {
            try
            {
                if (!_life.TryReboot())
                    return false;
                _guest.ExpectReturn();
                await run.EndQemuAsync().ConfigureAwait(false);
                await DrainAsync().ConfigureAwait(false);
                run.BootFromDisks();
                await LaunchAsync(limit.Token).ConfigureAwait(false);
            }
            finally
            {
                _ending.Release();
            }

            await ComeUpAsync(_ => { }, () => { }, limit.Token).ConfigureAwait(false);
            // What was opened for SSH is open again already.
            await ForwardedPort
                .OpenAsync(_machine.Monitor, [.. run.Forwards.Select(forward => forward.Again())], limit.Token)
                .ConfigureAwait(false);
            // Where the new QEMU has ended by now, its own watch has recorded it.
            _life.TryMove(MachineState.Rebooting, MachineState.Running);
            return true;
        }
        catch (Exception e)
        {
            // Whatever it was: the exit tells it.
            _life.FailReturn($"the guest did not come back from its reboot: {e.Message}");
            run.Process?.Kill();
            return false;
        }
    }

    // Who waited goes on in there, and may wait for the machine's dispose, which waits for what calls this: so that does not wait for them.
    private void TellEnd() => _ = _ended.CancelAsync();

    // The guest is lost while QEMU still has its memory and screen: everything that waits fails, and the machine stands still until it is
    // disposed.
    private async Task BreakAsync(MachineExitReason reason, string detail)
    {
        if (!_life.TryBreak(new MachineExit(reason, 0, Launched.Process!.StandardError) { Detail = detail }))
            return;
        _machine.Record.NoteEnd($"broke: {detail}");
        TellEnd();
        try
        {
            await _machine.Monitor.ExecuteAsync("stop", null, CancellationToken.None).ConfigureAwait(false);
        }
        catch (QmpException)
        {
            // It only saves the host a busy processor.
        }
    }
}
