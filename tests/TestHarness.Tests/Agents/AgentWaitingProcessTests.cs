using System.Diagnostics;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

/// <summary>The process that waits for the agent's next command.</summary>
public sealed class AgentWaitingProcessTests : CompiledAgentTests
{
    [Fact]
    public async Task Is_the_next_command()
    {
        await EchoAsync();
        int waiting = await WaitingAsync();

        await using AgentProcess process = await Connection.RunAsync(new AgentCommand(["true"]), Token);

        process.ProcessId.Should().Be(waiting);
        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(0);
    }

    [Theory]
    [InlineData("KILL", true)]
    [InlineData("TERM", true)]
    [InlineData("KILL", false)]
    [InlineData("TERM", false)]
    public async Task Is_replaced_when_somebody_kills_it(string signal, bool isGone)
    {
        for (int i = 0; i < 20; i++)
        {
            int waiting = await SignalAsync(signal);
            if (isGone)
                await UntilAsync(() => !IsRunning(waiting));

            await EchoAsync();
        }
    }

    [Fact]
    public async Task Is_woken_when_somebody_stopped_it()
    {
        await SignalAsync("STOP");

        await EchoAsync();
        await Connection.PingAsync(Token);
    }

    [Fact]
    public async Task Is_there_again_after_a_command_that_could_not_start()
    {
        string descriptors = $"/proc/{Agent.Process.Id}/fd";
        await WaitingAsync();
        int before = Directory.GetFiles(descriptors).Length;
        for (int i = 0; i < 20; i++)
        {
            await Connection
                .Awaiting(c => c.RunAsync(new AgentCommand(["true"]) { WorkingDirectory = "/nope" }, Token))
                .Should()
                .ThrowAsync<AgentException>();
            await WaitingAsync();
        }

        await EchoAsync();
        await WaitingAsync();
        ChildrenOf(Agent.Process.Id).Should().ContainSingle();
        Directory.GetFiles(descriptors).Length.Should().Be(before);
    }

    [Fact]
    public async Task Keeps_no_pipe_of_another_command_open()
    {
        await using AgentProcess reader = await Connection.RunAsync(new AgentCommand(["cat"]), Token);
        // While cat waits for its input, others end, and each leaves one that waits.
        await EchoAsync();
        await EchoAsync();
        await WaitingAsync();

        await reader.StandardInput.DisposeAsync();

        (await reader.Exit.WaitAsync(TimeSpan.FromSeconds(20), Token)).ExitCode.Should().Be(0);
    }

    [Fact]
    public async Task Goes_with_theAgent_however_that_ends()
    {
        int waiting = await WaitingAsync();
        Agent.Transport.Socket.Close();
        await UntilAsync(() => !IsRunning(waiting));

        await using CompiledAgent killed = await CompiledAgent.ConnectAsync(Token);
        waiting = await WaitingAsync(killed);
        killed.Process.Kill();
        await UntilAsync(() => !IsRunning(waiting));
    }

    private async Task<int> SignalAsync(string signal)
    {
        int waiting = await WaitingAsync();
        using Process kill = Process.Start("kill", [$"-{signal}", $"{waiting}"]);
        await kill.WaitForExitAsync(Token);
        return waiting;
    }

    private async Task EchoAsync()
    {
        await using AgentProcess process = await Connection.RunAsync(new AgentCommand(["echo", "served"]), Token);
        (await ReadLineAsync(process.StandardOutput, Token)).Should().Be("served");
        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(0);
    }

    private async Task<int> WaitingAsync(CompiledAgent? agent = null)
    {
        int[] children = [];
        // It comes after the last answer, and is the youngest.
        await UntilAsync(() =>
            (children = ChildrenOf((agent ?? Agent).Process.Id)).Length > 0 && IsRunning(children[^1]) && IsAgent(children[^1])
        );
        return children[^1];
    }

    private static bool IsAgent(int processId) =>
        File.ReadAllText($"/proc/{processId}/comm").StartsWith("testharness", StringComparison.Ordinal);

    private static async Task UntilAsync(Func<bool> holds)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(20));
            await Task.Delay(5, Token);
        }
    }
}
