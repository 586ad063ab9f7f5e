using System.Diagnostics;
using System.Text;

namespace TestHarness.MachineTests;

/// <summary>The checked-out repository, and running its commands as a user would.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The configuration that this assembly was built in, and so everything it was built with.</summary>
    public static string Configuration { get; } =
        AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";

    /// <summary>
    /// An argument for env(1): a job in the background ignores what a terminal's keys send, and hands that on to what it starts.
    /// </summary>
    public const string DefaultSignals = "--default-signal=INT,QUIT,HUP";

    public static string SampleTests => Path.Combine(Root, "tests/TestHarness.SampleTests/TestHarness.SampleTests.csproj");

    /// <summary>Starts a command with its output collected.</summary>
    public static Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Root,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        // What a test host sets for itself must not reach a test host inside.
        foreach (
            string name in start
                .Environment.Keys.Where(name =>
                    name.StartsWith("VSTEST_", StringComparison.Ordinal) || name.StartsWith("MSBUILD", StringComparison.Ordinal)
                )
                .ToArray()
        )
            start.Environment.Remove(name);
        return Process.Start(start)!;
    }

    /// <summary>Runs a command to its end; returns its exit code and both streams.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment,
        CancellationToken cancellationToken
    )
    {
        using Process process = Start(program, arguments, environment);
        var output = new StringBuilder();
        Task<string> error = process.StandardError.ReadToEndAsync(cancellationToken);
        output.Append(await process.StandardOutput.ReadToEndAsync(cancellationToken)).Append(await error);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, output.ToString());
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "TestHarness.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
