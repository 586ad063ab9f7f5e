using System.Text.Json;
using TestHarness.Guest;
using TestHarness.Networks;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan ListenerLimit = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _ending = new(1, 1);
    private Task _exitWatch = Task.CompletedTask;
    private bool _shutdownByGuest;
    private bool _resetByGuest;
    private bool _killing;

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
        await TellStoppingAsync().ConfigureAwait(false);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Spec.StopTimeout);
            await _guest.PowerOffAsync(limit.Token).ConfigureAwait(false);
            await _exitWatch.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when ((e is OperationCanceledException or AgentLostException) && !cancellationToken.IsCancellationRequested)
        {
            // The guest did not go by itself; the exit that is returned tells.
            await EndAsync().ConfigureAwait(false);
        }

        return Exit!;
    }

    /// <summary>Ends QEMU at once, as a power cut would; returns when the process is gone. The guest is not asked.</summary>
    /// <returns>How the machine ended.</returns>
    public async Task<MachineExit> KillAsync()
    {
        if (State == MachineState.Created)
            throw NotStarted();
        await TellStoppingAsync().ConfigureAwait(false);
        await EndAsync().ConfigureAwait(false);
        return Exit!;
    }

    /// <summary>Restarts the guest in an orderly way; returns when it is up and answers. The disk stays, and the serial log goes on.</summary>
    /// <param name="timeout">The limit. Default: <see cref="MachineSpec.StopTimeout"/> and <see cref="MachineSpec.StartTimeout"/> together.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the restart.</returns>
    /// <exception cref="WaitTimeoutException">The guest did not come back in time.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task RebootAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        GuardAsync("the guest to come back from a reboot", timeout ?? Spec.StopTimeout + Spec.StartTimeout, RebootCoreAsync, cancellationToken);

    /// <summary>Ends QEMU at once and removes everything that the machine kept on the host. May be called twice, and at any time.</summary>
    /// <returns>A task that ends when the process is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        if (_instance is not null && !MakesTemplate)
            await TellStoppingAsync().ConfigureAwait(false);
        await EndAsync().ConfigureAwait(false);
    }

    private async Task<bool> RebootCoreAsync(CancellationToken cancellationToken)
    {
        await _guest.RebootAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    // What a listener does (a screenshot for the evidence) must not keep the machine from ending: neither by failing nor by taking its time.
    private async Task TellStoppingAsync()
    {
        if (Stopping is { } stopping && Exit is null)
            await Task.Run(() => stopping(this)).WaitAsync(ListenerLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task EndAsync()
    {
        await _ending.WaitAsync().ConfigureAwait(false);
        try
        {
            _killing = true;
            await _guest.DisposeAsync().ConfigureAwait(false);
            if (_instance is not null)
                await _instance.DisposeAsync().ConfigureAwait(false);
            await _exitWatch.ConfigureAwait(false);
            await Console.DrainAsync().ConfigureAwait(false);
            _template?.Dispose();
            _share?.Dispose();
            State = MachineState.Stopped;
            if (_folder is not null && Directory.Exists(_folder))
                Directory.Delete(_folder, recursive: true);
        }
        finally
        {
            _ending.Release();
        }
    }

    private void OnMonitorEvent(QmpEvent happened)
    {
        // https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html: SHUTDOWN says whether the guest asked for it, and why.
        if (happened.Name != "SHUTDOWN")
            return;
        _shutdownByGuest |= happened.Data.TryGetProperty("guest", out JsonElement guest) && guest.GetBoolean();
        _resetByGuest |= happened.Data.TryGetProperty("reason", out JsonElement reason) && reason.GetString() == "guest-reset";
    }

    private async Task WatchExitAsync(QemuInstance instance)
    {
        QemuProcess process = instance.Process;
        int exitCode = await process.Exited.ConfigureAwait(false);
        // QEMU's last event says why it ended.
        await instance.Monitor.Closed.ConfigureAwait(false);
        // The start itself looks after a QEMU that ends on the way.
        if (State == MachineState.Starting && !_killing)
            return;
        string? failure = null;
        if (_resetByGuest && exitCode == 0 && !_killing)
        {
            failure = await TryRelaunchAsync().ConfigureAwait(false);
            if (failure is null)
                return;
        }

        MachineExitReason reason = _killing ? MachineExitReason.Killed
            : _shutdownByGuest && exitCode == 0 ? MachineExitReason.GuestShutdown
            : MachineExitReason.QemuExited;
        Exit = new MachineExit(reason, exitCode, $"{process.StandardError}{failure}");
        State = MachineState.Stopped;
        await _ended.CancelAsync().ConfigureAwait(false);
    }

    // A restored guest that reboots: its QEMU has ended, for it knows no kernel; a new one boots from the same disks. Returns why that failed, or null.
    private async Task<string?> TryRelaunchAsync()
    {
        using var limit = new CancellationTokenSource(Spec.StartTimeout);
        try
        {
            await _ending.WaitAsync(limit.Token).ConfigureAwait(false);
            try
            {
                if (_killing)
                    return "";
                State = MachineState.Rebooting;
                _guest.ExpectReturn();
                _resetByGuest = _shutdownByGuest = false;
                await _instance!.DisposeAsync().ConfigureAwait(false);
                await Console.DrainAsync().ConfigureAwait(false);
                _boot = _boot! with { Memory = null, Template = null };
                await LaunchAsync(limit.Token).ConfigureAwait(false);
            }
            finally
            {
                _ending.Release();
            }

            await ComeUpAsync(_ => { }, limit.Token).ConfigureAwait(false);
            _forwards = await ForwardedPort.OpenAsync(Monitor, [.. _forwards.Select(forward => forward.Again())], limit.Token).ConfigureAwait(false);
            State = MachineState.Running;
            return null;
        }
        catch (Exception e) when (e is not TestHarnessException)
        {
            _process?.Kill();
            return $"The guest did not come back from its reboot: {e.Message}\n";
        }
    }
}
