using TestHarness.Errors;

namespace TestHarness;

/// <summary>A machine did not start: QEMU refused or ended, or the guest did not come up.</summary>
public sealed class MachineStartException : MachineException
{
    internal MachineStartException(MachineFacts facts, MachineFault fault, FailureText text, Exception? innerException = null)
        : base(facts, text, Blame(fault), innerException) => Fault = fault;

    /// <summary>Gets what kind of failure it was.</summary>
    public MachineFault Fault { get; }

    private static FailureOutcome Blame(MachineFault fault) =>
        fault
            is MachineFault.QemuExited
                or MachineFault.MonitorLost
                or MachineFault.HostDiskFull
                or MachineFault.HostDiskFailed
                or MachineFault.HostOutOfMemory
            ? FailureOutcome.InfrastructureFailed
            : FailureOutcome.GuestFailed;
}
