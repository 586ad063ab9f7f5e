using TestHarness.Agents;
using TestHarness.Errors;

namespace TestHarness;

/// <summary>
/// A command in the guest could not be started, or ended with another exit code than 0, or was lost with the guest's agent.
/// </summary>
public sealed class GuestCommandException : MachineException
{
    private const int OutputLines = 40;

    internal GuestCommandException(MachineFacts facts, ShellResult result)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}': the command ended with exit code {result.ExitCode}.")
                .Add("Command", result.Command)
                .Add("Exit code", result.Signal is { } signal ? $"{result.ExitCode} (signal {signal})" : $"{result.ExitCode}")
                .Add("Standard error", facts.Tail(result.StandardErrorBytes, OutputLines))
                .Add("Standard output", facts.Tail(result.StandardOutputBytes, OutputLines)),
            FailureOutcome.GuestFailed,
            innerException: null
        )
    {
        Command = result.Command;
        Result = result;
    }

    internal GuestCommandException(MachineFacts facts, string command, string reason, Exception innerException)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}': the command could not be started: {reason}.").Add("Command", command),
            FailureOutcome.GuestFailed,
            innerException
        ) => Command = command;

    internal GuestCommandException(MachineFacts facts, string waitedFor, AgentLostException lost)
        : base(
            facts,
            new FailureText($"Machine '{facts.MachineName}': the way into the guest was lost. {lost.Message}").Add("Waited for", waitedFor),
            FailureOutcome.GuestFailed,
            lost
        ) => Command = waitedFor;

    internal GuestCommandException(MachineFacts facts, string command, FailureText text)
        : base(facts, text, FailureOutcome.GuestFailed, innerException: null) => Command = command;

    /// <summary>Gets the command.</summary>
    public string Command { get; }

    /// <summary>Gets the command's result, or <see langword="null"/> where it could not be started.</summary>
    public ShellResult? Result { get; }
}
