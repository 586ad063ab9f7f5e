using FluentAssertions;

namespace TestHarness.Tests.Agents;

/// <summary>
/// The agent built with the sanitizers of this host's compiler and C library, since musl has none. What they find ends it.
/// </summary>
internal static class SanitizedAgent
{
    private static readonly string Folder = Directory.CreateTempSubdirectory("agent-").FullName;
    private static readonly Lazy<Task<string>> Program = new(BuildAsync);

    public static async Task<CompiledAgent> StartAsync(CancellationToken cancellationToken) =>
        await CompiledAgent.StartAsync(await Program.Value, cancellationToken);

    /// <summary>Asserts that no agent that has ended was found to do wrong.</summary>
    public static void AssertNothingWasFound() =>
        Directory
            .GetFiles(Folder, "report*")
            .Select(File.ReadAllText)
            .Where(IsFinding)
            .Should()
            .BeEmpty("the sanitizers have nothing to say");

    // Not what they say of themselves: that a process begins on a stack which they do not know (clone(2)) is a WARNING.
    private static bool IsFinding(string report) =>
        report.Contains("ERROR:", StringComparison.Ordinal) || report.Contains("runtime error:", StringComparison.Ordinal);

    private static async Task<string> BuildAsync()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
        string program = Path.Combine(Folder, "agent");
        string[] sources =
        [
            .. Directory.GetFiles(HostCompiler.Source("../../../src/TestHarness.GuestAgent"), "*.c").Order(StringComparer.Ordinal),
        ];
        string[] sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        await HostCompiler.RunAsync("gcc", ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", .. sanitizers, "-o", $"{program}.bin", .. sources]);
        // The search for leaks wants to trace the process, which containers refuse.
        ExecutableScript.Write(
            program,
            $"""
            export ASAN_OPTIONS=detect_leaks=0:log_path={Folder}/report UBSAN_OPTIONS=print_stacktrace=1:log_path={Folder}/report
            exec {program}.bin "$@"
            """
        );
        return program;
    }
}
