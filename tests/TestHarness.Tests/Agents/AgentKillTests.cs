using System.Globalization;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

public sealed class AgentKillTests : CompiledAgentTests
{
    /// <summary>Ways out of a command's process group; each prints the number of the process that got out.</summary>
    public static TheoryData<string, string> Escapes =>
        new()
        {
            { "a background child", "sleep 1000 & echo $!" },
            { "a session of its own", "setsid sh -c 'echo $$; exec sleep 1000' &" },
            { "forked twice, in a session of its own", "(setsid sh -c 'echo $$; exec sleep 1000' &) &" },
            { "forked twice, with a new environment", "env -i setsid sh -c 'echo $$; exec sleep 1000' &" },
            { "deaf to polite signals", "(trap '' TERM HUP INT; setsid sh -c 'echo $$; while :; do sleep 1000; done' &) &" },
        };

    [Theory]
    [MemberData(nameof(Escapes))]
    public async Task Kills_what_a_command_started_when_it_has_got_out(string how, string script)
    {
        how.Should().NotBeEmpty();
        await using AgentProcess process = await Connection.RunAsync(Script($"{script}\nsleep 1000"), Token);
        int escaped = await ReadNumberAsync(process.StandardOutput);

        await process.KillAsync(Token);

        (await process.Exit).Signal.Should().Be(9);
        IsRunning(escaped).Should().BeFalse();
        IsRunning(process.ProcessId).Should().BeFalse();
    }

    [Fact]
    public async Task Neither_waits_for_nor_kills_what_outlives_a_command_that_ended_by_itself()
    {
        string done = Path.GetTempFileName();
        // The daemon goes on writing into the command's pipe for about a second; were that closed, SIGPIPE would end it before it has done.
        const string Daemon =
            "echo $$; i=0; while [ $i -lt 200 ]; do echo noise; sleep 0.005; i=$((i+1)); done; echo done > \"$0\"; exec sleep 1000";
        await using AgentProcess process = await Connection.RunAsync(
            new AgentCommand(["sh", "-c", "(setsid sh -c \"$0\" \"$1\" &) ; read line; exit 6", Daemon, done]),
            Token
        );
        int daemon = await ReadNumberAsync(process.StandardOutput);
        Task<byte[]> output = ReadAllAsync(process.StandardOutput, Token);

        await process.StandardInput.WriteAsync("go\n"u8.ToArray(), Token);
        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(6);
        await output;

        while (new FileInfo(done).Length == 0 && IsRunning(daemon))
            await Task.Delay(10, Token);
        IsRunning(daemon).Should().BeTrue();
        System.Diagnostics.Process.GetProcessById(daemon).Kill();
        File.Delete(done);
    }

    [Fact]
    public async Task Passes_on_all_that_a_command_wrote_before_it_ended()
    {
        CommandResult result = await Connection.RunToEndAsync(
            "(setsid sleep 5 &); head -c 60000 /dev/zero; head -c 50000 /dev/zero >&2; exit 2",
            Token
        );

        result.Exit.ExitCode.Should().Be(2);
        result.Output.Should().HaveCount(60_000);
        result.Error.Should().HaveCount(50_000);
    }

    [Fact]
    public async Task Gets_what_outlived_a_command_when_it_is_killed_before_its_output_is_read()
    {
        await using AgentProcess process = await Connection.RunAsync(
            Script("setsid sleep 1000 & echo $! >&2; head -c 1000000 /dev/zero; exit 3"),
            Token
        );
        int escaped = await ReadNumberAsync(process.StandardError);

        await process.KillAsync(Token);

        IsRunning(escaped).Should().BeFalse();
        (await ReadAllAsync(process.StandardOutput, Token)).Length.Should().BeLessThanOrEqualTo(AgentProtocol.Window);
    }

    [Fact]
    public async Task Tells_the_signal_when_somebody_else_kills_the_command()
    {
        await using AgentProcess process = await Connection.RunAsync(new AgentCommand(["sleep", "1000"]), Token);

        await Connection.RunToEndAsync($"kill -9 {process.ProcessId}", Token);

        (await process.Exit.WaitAsync(Token)).Signal.Should().Be(9);
    }

    [Fact]
    public async Task Kills_the_command_when_the_process_is_disposed()
    {
        AgentProcess process = await Connection.RunAsync(Script("setsid sleep 1000 & echo $!; cat /dev/zero"), Token);
        int child = await ReadNumberAsync(process.StandardOutput);

        await process.DisposeAsync();
        await process.DisposeAsync();

        IsRunning(process.ProcessId).Should().BeFalse();
        IsRunning(child).Should().BeFalse();
    }

    [Fact]
    public async Task Kills_one_of_many_and_leaves_the_others()
    {
        AgentProcess[] all = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Connection.RunAsync(Script("sleep 1000 & wait"), Token))
        );

        await all[3].KillAsync(Token);

        all.Select(process => IsRunning(process.ProcessId)).Should().Equal(true, true, true, false, true, true, true, true);
        foreach (AgentProcess process in all)
            await process.DisposeAsync();
        all.Select(process => IsRunning(process.ProcessId)).Should().NotContain(true);
    }

    [Fact]
    public async Task Ends_a_command_that_forks_without_pause_when_it_is_killed()
    {
        const string Forks = """
            echo $TESTHARNESS_STREAM
            hop() { (setsid sh -c 'sleep 1000 & sleep 1000' &); }
            i=0; while [ $i -lt 300 ]; do i=$((i+1)); hop; done
            sleep 1000
            """;
        await using AgentProcess process = await Connection.RunAsync(Script(Forks), Token);
        string marker = $"TESTHARNESS_STREAM={await ReadLineAsync(process.StandardOutput, Token)}\0";

        await process.KillAsync(Token);

        (await process.Exit).Signal.Should().Be(9);
        ProcessesWith(marker).Should().BeEmpty();
    }

    [Fact]
    public async Task Kills_its_commands_and_ends_when_the_host_goes_away()
    {
        await using CompiledAgent agent = await CompiledAgent.ConnectAsync(Token);
        AgentProcess process = await agent.Connection.RunAsync(Script("setsid sleep 1000 & echo $!; cat /dev/zero"), Token);
        int child = await ReadNumberAsync(process.StandardOutput);

        agent.Transport.Socket.Close();

        await process.Exit.Awaiting(exit => exit).Should().ThrowAsync<AgentLostException>();
        await agent.Process.WaitForExitAsync(Token);
        agent.Process.ExitCode.Should().Be(0);
        IsRunning(process.ProcessId).Should().BeFalse();
        IsRunning(child).Should().BeFalse();
        await agent.Connection.Completion.WaitAsync(Token);
    }

    [Fact]
    public async Task Loses_everything_at_once_when_theAgent_is_killed()
    {
        AgentProcess process = await Connection.RunAsync(new AgentCommand(["sleep", "1000"]), Token);
        Task<int> read = process.StandardOutput.ReadAsync(new byte[1], Token).AsTask();

        Agent.Process.Kill();

        await process.Exit.Awaiting(exit => exit).Should().ThrowAsync<AgentLostException>();
        await read.Awaiting(r => r).Should().ThrowAsync<AgentLostException>();
        await Connection.Awaiting(c => c.PingAsync(Token)).Should().ThrowAsync<AgentLostException>();
        await Connection.Awaiting(c => c.HandshakeAsync(Token)).Should().ThrowAsync<AgentLostException>();
        await process.DisposeAsync();
        await Agent.Process.WaitForExitAsync(Token);
        IsRunning(process.ProcessId).Should().BeTrue("a command is not the agent's to take along");
        System.Diagnostics.Process.GetProcessById(process.ProcessId).Kill();
    }

    private static async Task<int> ReadNumberAsync(Stream stream) =>
        int.Parse(await ReadLineAsync(stream, Token), CultureInfo.InvariantCulture);
}
