using System.Diagnostics;
using Xunit;

namespace TestHarness.Tests.Tool;

/// <summary>The command <c>testvm</c> with folders of its own, run to its end.</summary>
internal sealed class TestVmProgram(string root)
{
    /// <summary>Gets the folder of the program.</summary>
    public string Folder { get; init; } = AppContext.BaseDirectory;

    public string Cache => Path.Combine(root, "cache");

    public string Data => Path.Combine(root, "data");

    public string Run => Path.Combine(root, "run");

    /// <summary>Gets the words of a command that starts it.</summary>
    public IReadOnlyList<string> Before { get; init; } = [];

    /// <summary>Gets variables beside those of the folders; <see langword="null"/> removes one.</summary>
    public Dictionary<string, string?> Environment { get; } = [];

    public async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        string[] command = [.. Before, "dotnet", Path.Combine(Folder, "testvm.dll"), .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = root,
        };
        foreach (
            (string name, string value) in ((string, string)[])
                [("TESTHARNESS_CACHE", Cache), ("TESTHARNESS_DATA", Data), ("TESTHARNESS_RUN", Run)]
        )
            start.Environment[name] = value;
        foreach ((string name, string? value) in Environment)
        {
            start.Environment.Remove(name);
            if (value is not null)
                start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output, await error);
    }
}
