using DiffEngine;
using FluentAssertions;

namespace TestHarness.Tests.Goldens;

/// <summary>
/// A developer's diff tool, as DiffEngine knows them: writes down which files it is opened with. While it is there, tools may open, and no
/// build server is seen.
/// </summary>
internal sealed class FakeDiffTool : IDisposable
{
    // More than the 5 that DiffEngine opens in one process.
    private const int Most = 1000;

    private readonly string _folder = Directory.CreateTempSubdirectory("diff-tool-").FullName;
    private readonly bool _disabledBefore = DiffRunner.Disabled;
    private readonly bool _serverBefore = BuildServerDetector.Detected;
    private readonly Dictionary<string, string?> _environment = [];

    public FakeDiffTool(bool requiresTarget)
    {
        string program = Path.Combine(_folder, "tool");
        ExecutableScript.Write(program, $"echo \"$@\" >> '{Log}'");
        var arguments = new LaunchArguments(
            (received, verified) => $"\"{received}\" \"{verified}\"",
            (received, verified) => $"\"{received}\" \"{verified}\""
        );
        // The one that was added last is the first that DiffEngine takes.
        DiffTools
            .AddTool(
                Guid.NewGuid().ToString(),
                autoRefresh: false,
                isMdi: false,
                supportsText: true,
                requiresTarget,
                useShellExecute: false,
                arguments,
                program,
                [".png"]
            )
            .Should()
            .NotBeNull();
        DiffRunner.MaxInstancesToLaunch(Most);
        DiffRunner.Disabled = false;
        BuildServerDetector.Detected = false;
        foreach (string name in (string[])["CI", "GITHUB_ACTIONS", "GITHUB_ACTION"])
            Set(name, null);
    }

    private string Log => Path.Combine(_folder, "log");

    /// <summary>Sets a variable until the end.</summary>
    public void Set(string name, string? value)
    {
        _environment.TryAdd(name, Environment.GetEnvironmentVariable(name));
        Environment.SetEnvironmentVariable(name, value);
    }

    /// <summary>Waits until the tool was opened; returns the files of each time.</summary>
    public async Task<string[]> OpenedAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!File.Exists(Log) || !File.ReadAllText(Log).EndsWith('\n'))
            await Task.Delay(20, limit.Token);
        return await File.ReadAllLinesAsync(Log, limit.Token);
    }

    public void Dispose()
    {
        foreach ((string name, string? value) in _environment)
            Environment.SetEnvironmentVariable(name, value);
        BuildServerDetector.Detected = _serverBefore;
        DiffRunner.Disabled = _disabledBefore;
        Directory.Delete(_folder, recursive: true);
    }
}
