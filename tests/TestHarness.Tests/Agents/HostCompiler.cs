using System.Diagnostics;
using System.Runtime.CompilerServices;
using FluentAssertions;

namespace TestHarness.Tests.Agents;

/// <summary>Programs in C that tests need on this host.</summary>
internal static class HostCompiler
{
    private static readonly Lazy<Task<string>> SmallEcho = new(BuildEchoAsync);

    /// <summary>
    /// A program that says its argument, static and small: a million of it take minutes, where the system's <c>echo</c> takes an hour.
    /// </summary>
    public static Task<string> Echo => SmallEcho.Value;

    /// <summary>Compiles; fails the test with the compiler's words.</summary>
    public static async Task RunAsync(string compiler, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(compiler, arguments) { RedirectStandardError = true })!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        process
            .ExitCode.Should()
            .Be(0, $"{compiler} needs its packages; try: apt-get install gcc libc6-dev musl-tools{Environment.NewLine}{errors}");
    }

    /// <summary>The path of a source, from the folder of this one.</summary>
    public static string Source(string name, [CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, name);

    private static async Task<string> BuildEchoAsync()
    {
        string folder = Directory.CreateTempSubdirectory("agent-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string program = Path.Combine(folder, "echo");
        await RunAsync("musl-gcc", ["-static", "-O2", "-o", program, Source("echo.c")]);
        return program;
    }
}
