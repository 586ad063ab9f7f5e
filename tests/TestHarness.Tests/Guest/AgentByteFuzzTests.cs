using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Guest;

/// <summary>
/// Every byte that the agent passes on is its own stream's, whatever the host's reader does. <c>bash tests/run.sh --soak</c> asks for a million commands; a usual
/// run for a few. Its variables: SOAK_COMMANDS and SOAK_SEED.
/// </summary>
public sealed class AgentByteFuzzTests
{
    private const string FewCommands = "1000";

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("SOAK_SEED") ?? $"{Random.Shared.Next(100_000)}", CultureInfo.InvariantCulture);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Twenty_seconds_with_the_sanitizers_find_nothing()
    {
        string folder = Directory.CreateTempSubdirectory("agent-").FullName;
        string program = await BuildAsync(folder);
        long began = Stopwatch.GetTimestamp();

        await WorkAsync(await CompiledAgent.StartAsync(program, Token), _ => Stopwatch.GetElapsedTime(began) > Duration);

        Directory.GetFiles(folder, "report*").Select(File.ReadAllText).Should().BeEmpty("the sanitizers have nothing to say");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Soak_of_the_agent_as_it_is_delivered()
    {
        long commands = long.Parse(Environment.GetEnvironmentVariable("SOAK_COMMANDS") ?? FewCommands, CultureInfo.InvariantCulture);

        await WorkAsync(await CompiledAgent.StartAsync(Token), traffic => traffic.Commands >= commands);
    }

    private static async Task WorkAsync(CompiledAgent started, Func<AgentTraffic, bool> isEnough)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed}");
        var traffic = new AgentTraffic(started.Transport, Seed);
        await using CompiledAgent agent = started;
        try
        {
            await traffic.RunAsync(isEnough, Token);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            Assert.Fail($"Seed {Seed}, after {traffic.Commands} commands and {traffic.BulkBytes} bytes beside them: {e.Message}");
        }

        await agent.Process.WaitForExitAsync(Token).WaitAsync(TimeSpan.FromSeconds(20), Token);
        agent.Process.ExitCode.Should().Be(0, $"seed {Seed}");
        traffic.Commands.Should().BePositive();
        TestContext.Current.TestOutputHelper?.WriteLine($"{traffic.Commands} commands, {traffic.BulkBytes >> 20} MiB beside them");
    }

    // By gcc and the C library of this host, since musl has no sanitizers.
    private static async Task<string> BuildAsync(string folder)
    {
        string program = Path.Combine(folder, "agent");
        string[] arguments = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", $"{program}.bin", AgentSource()];
        using var compiler = Process.Start(new ProcessStartInfo("gcc", arguments) { RedirectStandardError = true })!;
        string errors = await compiler.StandardError.ReadToEndAsync(Token);
        await compiler.WaitForExitAsync(Token);
        compiler.ExitCode.Should().Be(0, $"gcc needs its sanitizers and the C library's headers; try: apt-get install gcc libc6-dev{Environment.NewLine}{errors}");
        // The search for leaks wants to trace the process, which containers refuse.
        ExecutableScript.Write(program, $"""
            export ASAN_OPTIONS=detect_leaks=0:log_path={folder}/report UBSAN_OPTIONS=print_stacktrace=1:log_path={folder}/report
            exec {program}.bin "$@"
            """);
        return program;
    }

    private static string AgentSource([CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, "../../../src/TestHarness.GuestAgent/agent.c");
}
