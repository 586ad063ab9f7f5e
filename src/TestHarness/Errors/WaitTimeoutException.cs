using TestHarness.Errors;

namespace TestHarness;

/// <summary>What was waited for did not come within the limit; the machine runs on.</summary>
public sealed class WaitTimeoutException : MachineException
{
    internal WaitTimeoutException(MachineFacts facts, string waitedFor, TimeSpan limit, string? lastSeen = null, string? remedy = null)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}': waited {limit.TotalSeconds:0.#} s for {waitedFor}, in vain.")
                .Add("Last seen", lastSeen)
                .Try(remedy),
            FailureOutcome.GuestFailed,
            innerException: null
        )
    {
        WaitedFor = waitedFor;
        Limit = limit;
        LastSeen = lastSeen;
    }

    /// <summary>Gets what was waited for.</summary>
    public string WaitedFor { get; }

    /// <summary>Gets the limit that ran out.</summary>
    public TimeSpan Limit { get; }

    /// <summary>Gets what was there instead; with the secrets in it.</summary>
    internal string? LastSeen { get; }
}
