using System.Diagnostics;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Repl;

/// <summary>A machine that another process keeps, with the words of <see cref="VirtualMachine"/> for what that process can be asked.</summary>
public sealed class RunningMachine
{
    private readonly NamedMachine _machine;

    internal RunningMachine(NamedMachine machine)
    {
        _machine = machine;
        Shell = new RunningShell(this);
        Files = new RunningFiles(this);
        Screen = new RunningScreen(this);
    }

    /// <summary>Gets the machine's name.</summary>
    public string Name => _machine.Name;

    /// <summary>Gets commands in the guest.</summary>
    public RunningShell Shell { get; }

    /// <summary>Gets transfers.</summary>
    public RunningFiles Files { get; }

    /// <summary>Gets screen and keyboard.</summary>
    public RunningScreen Screen { get; }

    /// <summary>Has QEMU's human monitor run a line; returns what it prints.</summary>
    public async Task<string> MonitorAsync(string line, CancellationToken cancellationToken = default) =>
        (await AskAsync(new HostRequest("monitor") { Text = line }, cancellationToken)).Answer.Text;

    /// <summary>Makes the guest stand still.</summary>
    public Task PauseAsync(CancellationToken cancellationToken = default) => AskAsync(new HostRequest("pause"), cancellationToken);

    /// <summary>Lets it go on.</summary>
    public Task ResumeAsync(CancellationToken cancellationToken = default) => AskAsync(new HostRequest("resume"), cancellationToken);

    /// <summary>Restarts the guest in an orderly way.</summary>
    public Task RebootAsync(CancellationToken cancellationToken = default) => AskAsync(new HostRequest("restart"), cancellationToken);

    internal async Task<HostResult> AskAsync(HostRequest request, CancellationToken cancellationToken) => await HostClient.CollectAsync(_machine, request, cancellationToken);

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
            return result.ExitCode == 0 ? result : throw new ToolException(ExitCode.Failed, $"'{command}' failed on machine '{_machine.Name}' with exit code {result.ExitCode}.\n{result.StandardError}".TrimEnd());
        }

        /// <summary>Runs a line in the guest's shell; its exit code is in the result.</summary>
        public async Task<ShellResult> TryRunAsync(string command, CancellationToken cancellationToken = default)
        {
            long began = Stopwatch.GetTimestamp();
            HostResult result = await _machine.AskAsync(new HostRequest("shell") { Command = [command] }, cancellationToken);
            return new ShellResult { Command = command, ExitCode = result.Answer.ExitCode, StandardOutputBytes = result.Output, StandardErrorBytes = result.Error, Duration = Stopwatch.GetElapsedTime(began) };
        }
    }

    /// <summary>Transfers with a machine that another process keeps.</summary>
    public sealed class RunningFiles
    {
        private readonly RunningMachine _machine;

        internal RunningFiles(RunningMachine machine) => _machine = machine;

        /// <summary>Copies to the guest; a slash at the source's end says "what is in it".</summary>
        /// <returns>What changed.</returns>
        public async Task<string> PushAsync(string source, string target, CancellationToken cancellationToken = default) =>
            (await _machine.AskAsync(new HostRequest("push") { From = Path.GetFullPath(source), To = target }, cancellationToken)).Answer.Text;

        /// <summary>Copies from the guest.</summary>
        /// <returns>What changed.</returns>
        public async Task<string> PullAsync(string source, string target, CancellationToken cancellationToken = default) =>
            (await _machine.AskAsync(new HostRequest("pull") { From = source, To = Path.GetFullPath(target) }, cancellationToken)).Answer.Text;
    }

    /// <summary>Screen and keyboard of a machine that another process keeps.</summary>
    public sealed class RunningScreen
    {
        private readonly RunningMachine _machine;

        internal RunningScreen(RunningMachine machine) => _machine = machine;

        /// <summary>Saves the screen as a PNG.</summary>
        /// <returns>The file and its size.</returns>
        public async Task<string> SaveAsync(string path, CancellationToken cancellationToken = default) =>
            (await _machine.AskAsync(new HostRequest("screenshot") { To = Path.GetFullPath(path) }, cancellationToken)).Answer.Text;

        /// <summary>Types a text at the keyboard.</summary>
        public Task TypeAsync(string text, CancellationToken cancellationToken = default) => _machine.AskAsync(new HostRequest("type") { Text = text }, cancellationToken);

        /// <summary>Presses keys together, as in <c>ctrl-alt-f2</c>.</summary>
        public Task PressAsync(string keys, CancellationToken cancellationToken = default) => _machine.AskAsync(new HostRequest("press") { Text = keys }, cancellationToken);
    }
}
