using TestHarness.Errors;

namespace TestHarness;

/// <summary>The base of failures that one machine has: it carries the machine's name and what its console wrote last.</summary>
public abstract class MachineException : TestHarnessException
{
    private protected MachineException(MachineFacts facts, FailureText text, FailureOutcome outcome, Exception? innerException)
        : base(facts.AddTo(text).Blame(outcome), outcome, innerException)
    {
        MachineName = facts.MachineName;
        SerialTail = facts.Serial.Text;
    }

    /// <summary>Gets the machine's name.</summary>
    public string MachineName { get; }

    /// <summary>
    /// Gets what the serial console had written since the test began, or since the machine was up; of much of it the last lines.
    /// </summary>
    public string SerialTail { get; }
}
