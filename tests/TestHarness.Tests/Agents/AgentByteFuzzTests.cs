using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Agents;

/// <summary>
/// Every byte that the agent passes on is its own stream's, whatever the host's reader does. <c>bash tests/run.sh --soak</c> asks for a
/// million commands; a usual run for a few. Its variables: SOAK_COMMANDS and SOAK_SEED.
/// </summary>
public sealed class AgentByteFuzzTests
{
    private const string FewCommands = "1000";

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly int Seed = int.Parse(
        Environment.GetEnvironmentVariable("SOAK_SEED") ?? $"{Random.Shared.Next(100_000)}",
        CultureInfo.InvariantCulture
    );

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Twenty_seconds_with_the_sanitizers_find_nothing()
    {
        long began = Stopwatch.GetTimestamp();

        await WorkAsync(await SanitizedAgent.StartAsync(Token), _ => Stopwatch.GetElapsedTime(began) > Duration);

        SanitizedAgent.AssertNothingWasFound();
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
}
