using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness;

/// <summary>The machine ended while something was waited for, or before it was asked.</summary>
public sealed class MachineExitedException : MachineException
{
    internal MachineExitedException(MachineFacts facts, MachineExit exit, string waitedFor, Exception? innerException = null)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}' is not running: {exit}.").Add("Waited for", waitedFor).Try(Remedy(exit)),
            Blame(exit.Reason),
            innerException
        ) => Exit = exit;

    /// <summary>Gets how the machine ended.</summary>
    public MachineExit Exit { get; }

    private static FailureOutcome Blame(MachineExitReason reason) =>
        reason
            is MachineExitReason.QemuExited
                or MachineExitReason.MonitorLost
                or MachineExitReason.HostDiskFull
                or MachineExitReason.HostDiskFailed
                or MachineExitReason.HostOutOfMemory
            ? FailureOutcome.InfrastructureFailed
            : FailureOutcome.GuestFailed;

    private static string? Remedy(MachineExit exit) =>
        exit switch
        {
            { Reason: MachineExitReason.HostDiskFull } => StartAdvice.For(MachineFault.HostDiskFull),
            { Reason: MachineExitReason.HostDiskFailed } => StartAdvice.For(MachineFault.HostDiskFailed),
            { Reason: MachineExitReason.BootLoop } => StartAdvice.For(MachineFault.BootLoop),
            { Reason: MachineExitReason.HostOutOfMemory } => StartAdvice.For(MachineFault.HostOutOfMemory),
            { Reason: MachineExitReason.QemuExited, Signal: SignalNumber.Kill } =>
                "if nobody killed it, the host may have run out of memory, though neither its kernel's log nor its control group "
                    + $"says so here: {StartAdvice.For(MachineFault.HostOutOfMemory)}",
            _ => null,
        };
}
