using System.Globalization;
using TestHarness.Access;
using TestHarness.Machines;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // Debian's kernel takes its initrd apart in some 80 MiB.
    private const int LittleMemoryMiB = 128;

    // A guest that restarts more often goes round in circles.
    private const int MostRestarts = 3;

    private readonly GuestWatch _watch;
    private readonly GuestTroubles _troubles;

    // The kernel restarts the guest that many seconds after a panic, at once where it is negative (kernel-parameters.txt, panic=).
    private bool RebootsOnPanic => KernelCommandLine.LastValue([_boot?.KernelArguments ?? "", Spec.KernelArguments], "panic=") is { } seconds
        && int.TryParse(seconds, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number != 0;

    // Up, or why not: whatever shows first. Restarts that user-data asked for are told.
    private async Task ComeUpAsync(Action<string> phase, Action restarted, CancellationToken cancellationToken)
    {
        if (Spec.GuestAccess == GuestAccess.None)
        {
            // Nothing in this guest says when it is up: it is started once its processors run.
            _guest.GiveUp("nothing in this guest answers, which its spec says");
            _troubles.Up();
            return;
        }

        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var progress = new BootProgress(_process!.Id, _watch);
        WayIn way = await MakeWayAsync(cancellationToken).ConfigureAwait(false);
        _guest.MayRestart = Spec.CloudInit is not null && State is MachineState.Starting;
        Task watching = progress.WatchAsync(
            NoProgressLimit,
            NoWayInLimit,
            () => _guest.HasAnswered || way.IsEntering ? null : way.State,
            async token => (await TryCaptureAsync(CaptureLimit, token).ConfigureAwait(false))?.Png,
            done.Token);
        Task up = _guest.ComeUpAsync(way, ReadyCheck.For(Spec, _image!.Ready, _boot!.Seed is not null), restored: _boot.IsRestored, phase, done.Token);
        try
        {
            Task first = await Task.WhenAny(up, _process.Exited, _watch.Trouble).ConfigureAwait(false);
            for (int restarts = 0; restarts < MostRestarts && await RestartsAsync(way, up).ConfigureAwait(false); restarts++)
            {
                restarted();
                first = await Task.WhenAny(up, _process.Exited, _watch.Trouble).ConfigureAwait(false);
            }

            // The connection to the guest breaks a moment before it shows why.
            if (up.IsFaulted)
                await Task.WhenAny(_process.Exited, _watch.Trouble, Task.Delay(ExitFollows, cancellationToken)).ConfigureAwait(false);
            if (first == up && !_process.Exited.IsCompleted && !_watch.Trouble.IsCompleted)
            {
                await up.ConfigureAwait(false);
                NoteWay(way, phase);
                _troubles.Up();
                return;
            }

            throw await WhyNotUpAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new BootFailedException(new GuestTrouble(MachineFault.Deadline, progress.Describe()), e);
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(watching, up).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Whether the trouble is a restart that user-data asked for, and another boot follows.
    private async Task<bool> RestartsAsync(WayIn way, Task up)
    {
        if (!_guest.MayRestart || !way.OutlivesReboot || up.IsCompleted || !_watch.Trouble.IsCompleted || await _watch.JudgeAsync().ConfigureAwait(false) is not { Fault: MachineFault.GuestReset })
            return false;
        _watch.Boot();
        return true;
    }

    // Not the first sign but the cause: a panic comes before the reset that follows from it, and QEMU's end after both.
    private async Task<Exception> WhyNotUpAsync()
    {
        if (await _watch.JudgeAsync().ConfigureAwait(false) is { } trouble)
            return new BootFailedException(trouble);
        return new QemuEndedException(await _process!.Exited.ConfigureAwait(false));
    }

    // What speaks for too little memory where a boot failed in some other way, or null.
    private string? FindLackOfMemory(MachineFault fault) =>
        fault is not (MachineFault.NoProgress or MachineFault.Deadline or MachineFault.GuestNotReady or MachineFault.KernelPanic or MachineFault.EmergencyShell or MachineFault.InitramfsShell) ? null
        : _watch.MemoryWords is { } words ? $"its kernel had run out of memory (\"{_record.Mask.Apply(words)}\")"
        : fault is MachineFault.NoProgress or MachineFault.Deadline && Console.Log.Length == 0 && Spec.MemoryMiB < LittleMemoryMiB
            ? $"it has not written anything, and {Spec.MemoryMiB} MiB of memory are too little for most kernels"
        : null;

    // A guest that had been up restarts within the same QEMU. Its session brings it up; what keeps it down is seen here.
    private void WatchReboot(QmpEvent happened)
    {
        if (GuestWatch.IsGuests(happened))
            _guest.GuestWasReset();
        _ = WatchRebootAsync();
    }

    private async Task WatchRebootAsync()
    {
        _watch.Boot();
        if (await _watch.Trouble.ConfigureAwait(false) && await _watch.JudgeAsync().ConfigureAwait(false) is { } trouble)
            _guest.GiveUp($"The guest did not come back from its reboot: {trouble.Text}.");
    }

    // The guest is lost while QEMU still has its memory and screen: everything that waits fails, and the machine stands still until it is disposed.
    private async Task BreakAsync(MachineExitReason reason, string detail)
    {
        var broken = new MachineExit(reason, 0, _process!.StandardError) { Detail = detail };
        if (!_life.TryBreak(broken))
            return;
        _record.NoteEnd($"broke: {detail}");
        await _ended.CancelAsync().ConfigureAwait(false);
        try
        {
            await Monitor.ExecuteAsync("stop", null, CancellationToken.None).ConfigureAwait(false);
        }
        catch (QmpException)
        {
            // It only saves the host a busy processor.
        }
    }

    // Before what a guest did is taken for its own doing.
    private async Task LookAtBaseFilesAsync()
    {
        if (Exit is null && State is MachineState.Running or MachineState.Paused && _baseFiles?.FindCut() is { } cut)
            await BreakAsync(MachineExitReason.HostDiskFailed, cut).ConfigureAwait(false);
    }
}
