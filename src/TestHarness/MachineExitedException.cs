namespace TestHarness;

/// <summary>The machine ended while something was waited for, or before it was asked.</summary>
public sealed class MachineExitedException : MachineException
{
    internal MachineExitedException(MachineFacts facts, MachineExit exit, string waitedFor, Exception? innerException = null)
        : base(facts, new FailureText($"Machine '{facts.MachineName}' is not running: {exit}.").Add("Waited for", waitedFor), innerException) =>
        Exit = exit;

    /// <summary>Gets how the machine ended.</summary>
    public MachineExit Exit { get; }

    /// <inheritdoc/>
    public override FailureOutcome Outcome =>
        Exit.Reason is MachineExitReason.QemuExited or MachineExitReason.MonitorLost or MachineExitReason.HostDiskFull ? FailureOutcome.InfrastructureFailed : FailureOutcome.GuestFailed;
}
