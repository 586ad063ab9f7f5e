using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private readonly SemaphoreSlim _ending = new(1, 1);
    private Task _exitWatch = Task.CompletedTask;

    /// <summary>
    /// Shuts the guest down in an orderly way and waits until QEMU has ended; kills it when <see cref="MachineSpec.StopTimeout"/> runs out. Does
    /// nothing where the machine has ended already.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the machine goes on shutting down.</param>
    /// <returns>How the machine ended: <see cref="MachineExitReason.Killed"/> where it had to be killed.</returns>
    public async Task<MachineExit> StopAsync(CancellationToken cancellationToken = default)
    {
        if (State == MachineState.Created)
            throw NotStarted();
        if (Exit is { } ended)
            return ended;
        _record.NoteEnd("stop");
        await TellStoppingAsync().ConfigureAwait(false);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(StopLimit);
            await _standstill.GoOnIfPausedAsync(limit.Token).ConfigureAwait(false);
            // The power button of a guest that nobody can ask (ACPI).
            await (Spec.GuestAccess != GuestAccess.None ? _guest.PowerOffAsync(limit.Token) : Monitor.ExecuteAsync("system_powerdown", null, limit.Token)).ConfigureAwait(false);
            await _exitWatch.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or AgentLostException or AgentException or QmpException && !cancellationToken.IsCancellationRequested)
        {
            // The guest did not go by itself; the exit that is returned tells.
            await EndAsync().ConfigureAwait(false);
        }

        return Killed();
    }

    /// <summary>Ends QEMU at once, as a power cut would; returns when the process is gone. The guest is not asked.</summary>
    /// <returns>How the machine ended.</returns>
    public async Task<MachineExit> KillAsync()
    {
        if (State == MachineState.Created)
            throw NotStarted();
        _record.NoteEnd("kill");
        await EndStartAsync().ConfigureAwait(false);
        await DisposeStartedAsync().ConfigureAwait(false);
        return Killed();
    }

    // A machine whose start failed has no end of its own.
    private MachineExit Killed() => _life.End(new MachineExit(MachineExitReason.Killed, 0, ""));

    /// <summary>Restarts the guest in an orderly way; returns when it is up and answers. The disk stays, and the serial log goes on.</summary>
    /// <param name="timeout">The limit. Default: <see cref="MachineSpec.StopTimeout"/> and <see cref="MachineSpec.StartTimeout"/> together.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the restart.</returns>
    /// <exception cref="WaitTimeoutException">The guest did not come back in time.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task RebootAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        _operations.GuardAsync("the guest to come back from a reboot", timeout ?? StopLimit + StartLimit, RebootCoreAsync, cancellationToken);

    private async Task<bool> RebootCoreAsync(CancellationToken cancellationToken)
    {
        await _standstill.GoOnIfPausedAsync(cancellationToken).ConfigureAwait(false);
        await _guest.RebootAsync(cancellationToken).ConfigureAwait(false);
        await _life.Returned.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task EndAsync()
    {
        await _ending.WaitAsync().ConfigureAwait(false);
        try
        {
            _life.Kill();
            await _guest.DisposeAsync().ConfigureAwait(false);
            if (_instance is not null)
                await _instance.DisposeAsync().ConfigureAwait(false);
            await _exitWatch.ConfigureAwait(false);
            await DrainAsync().ConfigureAwait(false);
            await _record.Followers.SettleAsync().ConfigureAwait(false);
            _template?.Dispose();
            _share?.Dispose();
            _baseFiles?.Dispose();
            _life.Close();
            if (_folder is not null)
                Remove(_folder);
            _kept?.Dispose();
        }
        finally
        {
            _ending.Release();
        }
    }

    private void OnMonitorEvent(QmpEvent happened)
    {
        NoteMonitorEvent(happened);
        if (_watch.JudgeReset(happened) is { } loop)
            _troubles.See(loop);
        // A guest that had been up restarts: from here on its boot is watched.
        if (happened.Name == "RESET" && Spec.GuestAccess != GuestAccess.None && State is MachineState.Running or MachineState.Rebooting)
            WatchReboot(happened);
        else
            _watch.See(happened);
        // https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html: SHUTDOWN says whether the guest asked for it, and why.
        if (happened.Name == "SHUTDOWN")
            _life.SeeShutdown(GuestWatch.IsGuests(happened), toReset: happened.Data.TryGetText("reason") == "guest-reset");
    }

    private async Task WatchExitAsync(QemuInstance instance)
    {
        QemuProcess process = instance.Process;
        await EndWithoutMonitorAsync(instance).ConfigureAwait(false);
        int exitCode = await process.Exited.ConfigureAwait(false);
        // QEMU's last event says why it ended.
        await instance.Monitor.Closed.ConfigureAwait(false);
        QemuEndIs end = _life.SeeEnd(instance, exitCode);
        if (end == QemuEndIs.ForStarter || (end == QemuEndIs.Reboot && await TryRelaunchAsync().ConfigureAwait(false)))
            return;
        string? outOfMemory = await process.FindOutOfMemoryAsync().ConfigureAwait(false);
        MachineExit exit = _life.Judge(new QemuEnd(exitCode, process.StandardError) { CutDisk = _baseFiles?.FindCut(), OutOfMemory = outOfMemory });
        _record.NoteEnd($"ended: {exit}");
        await _ended.CancelAsync().ConfigureAwait(false);
    }

    // A restored guest that reboots: its QEMU has ended, for it knows no kernel; a new one boots from the same disks.
    private async Task<bool> TryRelaunchAsync()
    {
        // One who ends the machine holds this until nothing is left to boot from.
        if (!await _ending.WaitAsync(TimeSpan.Zero).ConfigureAwait(false))
            return false;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_disposing.Token);
        limit.CancelAfter(StartLimit);
        try
        {
            try
            {
                if (!_life.TryReboot())
                    return false;
                _guest.ExpectReturn();
                await _instance!.DisposeAsync().ConfigureAwait(false);
                await DrainAsync().ConfigureAwait(false);
                _boot = _boot! with { Memory = null, Reboots = true };
                await LaunchAsync(limit.Token).ConfigureAwait(false);
            }
            finally
            {
                _ending.Release();
            }

            await ComeUpAsync(_ => { }, () => { }, limit.Token).ConfigureAwait(false);
            // What was opened for SSH is open again already.
            await ForwardedPort.OpenAsync(Monitor, [.. _forwards.Select(forward => forward.Again())], limit.Token).ConfigureAwait(false);
            // Where the new QEMU has ended by now, its own watch has recorded it.
            _life.TryMove(MachineState.Rebooting, MachineState.Running);
            return true;
        }
        catch (Exception e)
        {
            // Whatever it was: the exit tells it.
            _life.FailReturn($"the guest did not come back from its reboot: {e.Message}");
            _process?.Kill();
            return false;
        }
    }
}
