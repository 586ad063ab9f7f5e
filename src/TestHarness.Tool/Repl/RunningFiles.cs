using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Repl;

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
