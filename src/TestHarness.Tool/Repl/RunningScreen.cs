using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Repl;

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
    public Task TypeAsync(string text, CancellationToken cancellationToken = default) =>
        _machine.AskAsync(new HostRequest("type") { Text = text }, cancellationToken);

    /// <summary>Presses keys together, as in <c>ctrl-alt-f2</c>.</summary>
    public Task PressAsync(string keys, CancellationToken cancellationToken = default) =>
        _machine.AskAsync(new HostRequest("press") { Text = keys }, cancellationToken);
}
