using TestHarness.Text;

namespace TestHarness.Agents;

/// <summary>The guest refused what it was asked for: a program that cannot be started, an address that does not answer.</summary>
internal sealed class AgentException(int errorNumber, string message) : Exception(PrintableText.Of(message))
{
    /// <summary>Gets the errno of the guest's Linux.</summary>
    public int ErrorNumber { get; } = errorNumber;

    /// <summary>Gets what a command of the guest's that failed has written.</summary>
    public string? Output { get; init; }

    /// <summary>Gets a value indicating whether a signal ended that command.</summary>
    public bool WasKilled { get; init; }
}

/// <summary>
/// The agent can no longer be reached, or it has started anew and knows nothing of what was going on. The message says which.
/// </summary>
internal sealed class AgentLostException(string message, Exception? innerException = null)
    : Exception(PrintableText.Of(message), innerException);

/// <summary>Bytes were written to a command or connection that takes no more.</summary>
internal sealed class AgentStreamClosedException(string message) : IOException(message);
