using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Repl;

/// <summary>
/// A machine that another process keeps, with the words of <see cref="VirtualMachine"/> for what that process can be asked.
/// </summary>
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

    internal async Task<HostResult> AskAsync(HostRequest request, CancellationToken cancellationToken) =>
        await HostClient.CollectAsync(_machine, request, cancellationToken);
}
