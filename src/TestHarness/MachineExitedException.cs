namespace TestHarness;

/// <summary>The machine ended while something was waited for, or before it was asked.</summary>
public sealed class MachineExitedException : MachineException
{
    internal MachineExitedException(MachineFacts facts, MachineExit exit, string waitedFor, Exception? innerException = null)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}' is not running: {exit}.").Add("Waited for", waitedFor).Try(Remedy(exit)),
            Blame(exit.Reason),
            innerException) =>
        Exit = exit;

    /// <summary>Gets how the machine ended.</summary>
    public MachineExit Exit { get; }

    private static FailureOutcome Blame(MachineExitReason reason) =>
        reason is MachineExitReason.QemuExited or MachineExitReason.MonitorLost or MachineExitReason.HostDiskFull
            ? FailureOutcome.InfrastructureFailed
            : FailureOutcome.GuestFailed;

    private static string? Remedy(MachineExit exit) => exit is { Reason: MachineExitReason.QemuExited, Signal: Hosts.Native.SignalKill }
        ? "if nobody killed it, the host or its control group ran out of memory: look for \"oom\" in dmesg, and give machines less memory (MachineSpec.MemoryMiB, TESTHARNESS_MEMORY_MIB)."
        : null;
}
