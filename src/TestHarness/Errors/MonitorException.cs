using TestHarness.Errors;

namespace TestHarness;

/// <summary>QEMU refused what was asked of the running machine, or its monitor could not be asked; the machine runs on.</summary>
public sealed class MonitorException : MachineException
{
    internal MonitorException(MachineFacts facts, string waitedFor, Exception refusal)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}': QEMU refused: {refusal.Message}").Add("Waited for", waitedFor),
            FailureOutcome.InfrastructureFailed,
            refusal
        ) => WaitedFor = waitedFor;

    /// <summary>Gets what was asked for.</summary>
    public string WaitedFor { get; }
}
