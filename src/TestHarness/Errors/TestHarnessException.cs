using TestHarness.Errors;

namespace TestHarness;

/// <summary>The base of every failure that this library reports.</summary>
/// <remarks>
/// The message is for the person at the terminal: line 1 says what failed and on which machine, then come labelled blocks
/// (<c>Waited for:</c>, <c>Standard error:</c>, <c>Serial log:</c> …) and last, where one is known, a line <c>Try:</c>.
/// </remarks>
public abstract class TestHarnessException : Exception
{
    private protected TestHarnessException(FailureText text, FailureOutcome outcome, Exception? innerException = null)
        : base(text.ToString(), innerException)
    {
        Summary = text.Summary;
        Outcome = outcome;
    }

    /// <summary>Gets the stack trace from the caller's own code on; where the call has none, all of it.</summary>
    public override string? StackTrace => CallersTrace.Of(this) ?? base.StackTrace;

    /// <summary>Gets the first line of the message: what failed, and on which machine.</summary>
    public string Summary { get; }

    /// <summary>Gets who failed: the test's own check, the guest, or the infrastructure.</summary>
    public FailureOutcome Outcome { get; }
}
