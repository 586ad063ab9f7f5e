namespace TestHarness;

/// <summary>The base of failures that one machine has: it carries the machine's name and the end of its serial log.</summary>
public abstract class MachineException : TestHarnessException
{
    private protected MachineException(MachineFacts facts, FailureText text, FailureOutcome outcome, Exception? innerException)
        : base(facts.AddTo(text).Blame(outcome), outcome, innerException)
    {
        MachineName = facts.MachineName;
        SerialTail = facts.SerialTail;
    }

    /// <summary>Gets the machine's name.</summary>
    public string MachineName { get; }

    /// <summary>Gets the last lines of the serial log at the time of the failure.</summary>
    public string SerialTail { get; }
}
