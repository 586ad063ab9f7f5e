using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

public sealed class AgentChannelTests : CompiledAgentTests
{
    [Fact]
    public async Task Streams_input_while_the_command_runs()
    {
        await using AgentProcess process = await Connection.RunAsync(new AgentCommand(["cat"]), Token);
        foreach (string line in (string[])["one", "two", "three"])
        {
            await process.StandardInput.WriteAsync(Encoding.UTF8.GetBytes($"{line}\n"), Token);
            (await ReadLineAsync(process.StandardOutput, Token)).Should().Be(line);
        }

        await process.StandardInput.DisposeAsync();
        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(0);
    }

    [Fact]
    public async Task Carries_every_byte_value_on_both_outputs_at_once()
    {
        byte[] all = [.. Enumerable.Range(0, 256 * 40).Select(i => (byte)i)];

        CommandResult result = await Connection.RunToEndAsync(Script("tee /dev/stderr"), all, Token);

        result.Output.Should().Equal(all);
        result.Error.Should().Equal(all);
    }

    [Fact]
    public async Task Brings_twenty_megabytes_back_as_they_were()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(20 * 1024 * 1024);

        CommandResult result = await Connection.RunToEndAsync(new AgentCommand(["cat"]), sent, Token);

        result.Output.AsSpan().SequenceEqual(sent).Should().BeTrue();
    }

    [Fact]
    public async Task Serves_32_commands_at_once()
    {
        CommandResult[] results = await Task.WhenAll(
            Enumerable
                .Range(0, 32)
                .Select(i =>
                    Connection.RunToEndAsync(
                        Script($"cat; echo error {i} >&2; exit {i}"),
                        Encoding.UTF8.GetBytes(new string((char)('A' + i), 100_000)),
                        Token
                    )
                )
        );

        for (int i = 0; i < results.Length; i++)
        {
            results[i].Exit.ExitCode.Should().Be(i);
            results[i].Text.Should().Be(new string((char)('A' + i), 100_000));
            results[i].ErrorText.Should().Be($"error {i}\n");
        }
    }

    [Fact]
    public async Task Passes_on_everything_when_many_commands_end_at_the_same_moment()
    {
        const int Bytes = 60_000;
        string go = Path.Combine(Directory.CreateTempSubdirectory().FullName, "go");
        AgentCommand command = Script($"while [ ! -e {go} ]; do sleep 0.01; done; head -c {Bytes} /dev/zero");
        AgentProcess[] processes = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Connection.RunAsync(command, Token)));
        // While the agent is stopped, all of them end, and together they have said more than its output buffer holds.
        await SignalAgentAsync("STOP");
        await File.WriteAllBytesAsync(go, [], Token);
        foreach (AgentProcess process in processes)
            await WaitUntilGoneAsync(process.ProcessId, Token);

        await SignalAgentAsync("CONT");

        byte[][] outputs = await Task.WhenAll(processes.Select(process => ReadAllAsync(process.StandardOutput, Token)));
        outputs.Select(output => output.Length).Should().AllBeEquivalentTo(Bytes);
        (await Task.WhenAll(processes.Select(process => process.Exit))).Select(exit => exit.ExitCode).Should().AllBeEquivalentTo(0);
        Directory.Delete(Path.GetDirectoryName(go)!, recursive: true);
    }

    [Fact]
    public async Task Refuses_one_stream_too_many_and_goes_on()
    {
        var listeners = new List<AgentListener>();
        while (listeners.Count < AgentProtocol.MaxStreams)
            listeners.Add(await Connection.ListenAsync("", 0, Token));

        (await Connection.Awaiting(c => c.RunAsync(new AgentCommand(["true"]), Token)).Should().ThrowAsync<AgentException>()).WithMessage(
            "*too many streams"
        );

        await listeners[7].DisposeAsync();
        await Connection.PingAsync(Token);
        (await Connection.RunToEndAsync("exit 3", Token)).Exit.ExitCode.Should().Be(3);
    }

    [Fact]
    public async Task Holds_only_the_command_whose_reader_is_slow()
    {
        await using AgentProcess slow = await Connection.RunAsync(Script("yes | head -c 10000000; echo done >&2"), Token);
        // Its window fills up: not a byte of it is read yet.
        (await Connection.RunToEndAsync("yes | head -c 1000000", Token)).Output.Should().HaveCount(1_000_000);
        slow.Exit.IsCompleted.Should().BeFalse();

        (await ReadAllAsync(slow.StandardOutput, Token)).Should().HaveCount(10_000_000);
        (await ReadLineAsync(slow.StandardError, Token)).Should().Be("done");
        (await slow.Exit.WaitAsync(Token)).ExitCode.Should().Be(0);
    }

    [Fact]
    public async Task Holds_only_the_writer_whose_command_does_not_read()
    {
        await using AgentProcess stuck = await Connection.RunAsync(new AgentCommand(["sleep", "1000"]), Token);
        Task writing = stuck.StandardInput.WriteAsync(new byte[1_000_000], Token).AsTask();

        (await Connection.RunToEndAsync(new AgentCommand(["wc", "-c"]), new byte[1_000_000], Token)).Text.Trim().Should().Be("1000000");

        writing.IsCompleted.Should().BeFalse();
        await stuck.KillAsync(Token);
        await writing.Awaiting(w => w).Should().ThrowAsync<AgentStreamClosedException>();
    }

    [Fact]
    public async Task Tells_the_writer_when_a_command_closes_its_input()
    {
        await using AgentProcess process = await Connection.RunAsync(Script("exec <&-; echo closed; sleep 1000"), Token);
        await ReadLineAsync(process.StandardOutput, Token);

        Func<Task> write = async () => await process.StandardInput.WriteAsync(new byte[1_000_000], Token);

        await write.Should().ThrowAsync<AgentStreamClosedException>();
    }

    [Fact]
    public async Task Throws_output_away_when_its_stream_is_disposed()
    {
        await using AgentProcess process = await Connection.RunAsync(Script("yes | head -c 5000000; exit 4"), Token);

        await process.StandardOutput.DisposeAsync();

        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(4);
    }

    [Fact]
    public async Task Answers_pings_while_a_command_writes_without_end()
    {
        await using AgentProcess flood = await Connection.RunAsync(new AgentCommand(["cat", "/dev/zero"]), Token);
        Task reading = ReadUntilCancelledAsync(flood.StandardOutput);
        long start = Stopwatch.GetTimestamp();

        for (int i = 0; i < 50; i++)
            await Connection.PingAsync(Token);

        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(10));
        await flood.KillAsync(Token);
        await reading;

        static async Task ReadUntilCancelledAsync(Stream stream)
        {
            byte[] buffer = new byte[65536];
            while (await stream.ReadAsync(buffer, Token) > 0) { }
        }
    }

    [Fact]
    public async Task Types_end_of_file_and_echoes_on_a_terminal()
    {
        var command = new AgentCommand(["sh", "-c", "stty size; tty -s && echo terminal $TERM; read line; stty size; cat; exit 5"])
        {
            Terminal = new AgentTerminal(100, 37),
        };
        await using AgentProcess process = await Connection.RunAsync(command, Token);
        (await ReadLineAsync(process.StandardOutput, Token)).Should().Be("37 100");
        (await ReadLineAsync(process.StandardOutput, Token)).Should().Be("terminal linux");

        await process.ResizeAsync(new AgentTerminal(81, 25));
        await process.StandardInput.WriteAsync("typed\n"u8.ToArray(), Token);

        (await ReadLineAsync(process.StandardOutput, Token)).Should().Be("typed");
        (await ReadLineAsync(process.StandardOutput, Token)).Should().Be("25 81");
        await process.StandardInput.DisposeAsync();
        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(5);
        (await ReadAllAsync(process.StandardError, Token)).Should().BeEmpty();
    }

    [Fact]
    public async Task Interrupts_the_foreground_of_a_terminal()
    {
        var command = new AgentCommand(["sh", "-c", "trap 'echo no' INT; set -m; sh -c 'echo ready; exec sleep 1000'; echo \"got $?\""])
        {
            Terminal = new AgentTerminal(80, 24),
        };
        await using AgentProcess process = await Connection.RunAsync(command, Token);
        (await ReadLineAsync(process.StandardOutput, Token)).Should().Be("ready");

        await process.SignalAsync(15);

        string rest = Encoding.UTF8.GetString(await ReadAllAsync(process.StandardOutput, Token));
        rest.Should().Contain("got 143").And.NotContain("no\r");
        (await process.Exit.WaitAsync(Token)).ExitCode.Should().Be(0);
    }

    private async Task SignalAgentAsync(string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{Agent.Process.Id}"]);
        await kill.WaitForExitAsync(Token);
    }
}
