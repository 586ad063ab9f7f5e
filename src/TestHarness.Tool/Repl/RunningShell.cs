using TestHarness.Text;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Repl;

/// <summary>Commands in the guest of a machine that another process keeps.</summary>
public sealed class RunningShell
{
    private readonly RunningMachine _machine;

    internal RunningShell(RunningMachine machine) => _machine = machine;

    /// <summary>Runs a line in the guest's shell.</summary>
    /// <exception cref="Exception">Its exit code is not 0.</exception>
    public async Task<ShellResult> RunAsync(string command, CancellationToken cancellationToken = default)
    {
        ShellResult result = await TryRunAsync(command, cancellationToken);
        return result.ExitCode == 0
            ? result
            : throw new ToolException(
                ExitCode.Failed,
                $"'{command}' failed on machine '{_machine.Name}' with exit code {result.ExitCode}.\n{result.StandardError}".TrimEnd()
            );
    }

    /// <summary>Runs a line in the guest's shell; its exit code is in the result.</summary>
    public async Task<ShellResult> TryRunAsync(string command, CancellationToken cancellationToken = default)
    {
        long began = Clock.System.GetTimestamp();
        HostResult result = await _machine.AskAsync(new HostRequest("shell") { Command = [command] }, cancellationToken);
        return new ShellResult
        {
            Command = command,
            ExitCode = result.Answer.ExitCode,
            StandardOutputBytes = result.Output,
            StandardErrorBytes = result.Error,
            Duration = Clock.System.GetElapsedTime(began),
        };
    }
}
