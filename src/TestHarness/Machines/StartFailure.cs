using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Errors;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>Says why a machine did not start: the cause, not the first sign of it.</summary>
internal sealed class StartFailure(MachineOperations machine, MachineLife life, GuestSession guest, GuestWatch watch, SerialConsole console)
{
    // Debian's kernel takes its initrd apart in some 80 MiB.
    private const int LittleMemoryMiB = 128;

    /// <summary>Makes the exception.</summary>
    /// <param name="run">What there is of the machine.</param>
    /// <param name="phase">What was waited for.</param>
    /// <param name="reason">What ended the wait.</param>
    /// <param name="drainAsync">Waits until all that QEMU wrote is in the logs.</param>
    public async Task<MachineStartException> OfAsync(MachineRun run, string phase, Exception reason, Func<Task> drainAsync)
    {
        // What it lost may be the first sign of QEMU's end.
        if (reason is QmpBrokenException or AgentLostException or IOException && run.Process is { } alive)
            await alive.EndsSoonAsync().ConfigureAwait(false);
        string? outOfMemory = null;
        if (
            reason is not (BootFailedException or TemplateRefusedException)
            && run.Process is { Exited.IsCompleted: true, EndedByUs: false } process
        )
        {
            await drainAsync().ConfigureAwait(false);
            reason = new QemuEndedException(await process.Exited.ConfigureAwait(false));
            outOfMemory = await process.FindOutOfMemoryAsync().ConfigureAwait(false);
        }

        (MachineFault fault, string what) = Judge(run, reason, outOfMemory);
        if (FindLackOfMemory(fault) is { } lack)
            (fault, what) = (MachineFault.GuestOutOfMemory, $"{what}; {lack}");
        FailureText text = new FailureText($"Machine '{machine.Name}' (image {machine.Spec.Image}) did not start: {what}.").Add(
            "Waited for",
            phase
        );
        if (guest.UnansweredWay is { } way)
            text.Add("Way in", machine.Mask.Apply(way));
        if (reason is AgentException { Output: { Length: > 0 } output })
            text.Add("Output", output);
        // Where no script has failed, its advice would mislead.
        return new MachineStartException(
            machine.Facts(),
            fault,
            text.Try(reason is AgentException { Output: null } ? null : StartAdvice.For(fault)),
            reason
        );
    }

    private (MachineFault Fault, string What) Judge(MachineRun run, Exception reason, string? outOfMemory)
    {
        string limit =
            $"it took more than {machine.Limits.Start.TotalSeconds:0.#} s ({nameof(MachineSpec)}.{nameof(MachineSpec.StartTimeout)})";
        return reason switch
        {
            _ when run.FindCut() is { } cut => (MachineFault.HostDiskFailed, cut),
            _ when life.MonitorLost is { } lost => (MachineFault.MonitorLost, lost),
            QmpException => (MachineFault.MonitorLost, reason.Message),
            BootFailedException { Trouble: { Fault: MachineFault.Deadline } late } => (late.Fault, $"{limit}; it was {late.Text}"),
            BootFailedException { Trouble: var trouble } => (trouble.Fault, trouble.Text),
            OperationCanceledException => (MachineFault.Deadline, limit),
            TemplateRefusedException => (MachineFault.QemuExited, $"QEMU refused what was saved: {reason.Message}"),
            QemuEndedException when outOfMemory is not null => (MachineFault.HostOutOfMemory, outOfMemory),
            QemuEndedException ended => (
                MachineFault.QemuExited,
                new MachineExit(MachineExitReason.QemuExited, ended.ExitCode, "").ToString()
            ),
            _ => (MachineFault.GuestNotReady, reason.Message),
        };
    }

    // What speaks for too little memory where a boot failed in some other way, or null.
    private string? FindLackOfMemory(MachineFault fault) =>
        fault
            is not (
                MachineFault.NoProgress
                or MachineFault.Deadline
                or MachineFault.GuestNotReady
                or MachineFault.KernelPanic
                or MachineFault.EmergencyShell
                or MachineFault.InitramfsShell
            )
            ? null
        : watch.MemoryWords is { } words ? $"its kernel had run out of memory (\"{machine.Mask.Apply(words)}\")"
        : fault is MachineFault.NoProgress or MachineFault.Deadline && console.Log.Length == 0 && machine.Spec.MemoryMiB < LittleMemoryMiB
            ? $"it has not written anything, and {machine.Spec.MemoryMiB} MiB of memory are too little for most kernels"
        : null;
}
