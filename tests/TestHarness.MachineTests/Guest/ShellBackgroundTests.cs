using System.Diagnostics;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

public sealed class ShellBackgroundTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Talks_to_a_command_while_it_runs()
    {
        await using GuestProcess process = await Shell.StartAsync("while read line; do echo \"got $line\"; done; echo no more >&2; exit 3", cancellationToken: Token);

        await process.StandardInput.WriteAsync(Encoding.UTF8.GetBytes("one\n"), Token);
        await Shell.WaitUntilSucceedsAsync($"test -d /proc/{process.Id}", cancellationToken: Token);
        while (process.StandardOutput != "got one\n")
            await Task.Delay(10, Token);
        process.HasExited.Should().BeFalse();
        await process.StandardInput.WriteAsync(Encoding.UTF8.GetBytes("two\n"), Token);
        await process.StandardInput.DisposeAsync();
        ShellResult result = await process.WaitAsync(cancellationToken: Token);

        result.Should().Fail(withExitCode: 3).And.HaveOutput("got one\ngot two").And.HaveErrorOutput("no more");
        process.HasExited.Should().BeTrue();
        process.StandardError.Should().Be("no more\n");
    }

    [Fact]
    public async Task Outlives_a_wait_and_takes_a_signal()
    {
        await using GuestProcess process = await Shell.StartAsync("trap 'echo told; exit 5' TERM; echo ready; while :; do usleep 10000; done", cancellationToken: Token);

        (await process.Invoking(p => p.WaitAsync(TimeSpan.FromSeconds(1), Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*waited 1 s for the end of the command: trap*Last seen: ready*");
        await process.SignalAsync(15, Token);

        (await process.WaitAsync(cancellationToken: Token)).Should().Fail(withExitCode: 5).And.HaveOutput("ready\ntold");
    }

    [Fact]
    public async Task Is_killed_with_everything_that_it_started()
    {
        GuestProcess killed = await Shell.StartAsync("setsid sleep 8881 & sleep 8881", cancellationToken: Token);
        GuestProcess disposed = await Shell.StartAsync(["sleep", "8882"], cancellationToken: Token);
        await using GuestProcess limited = await Shell.StartAsync("sleep 8883", new ShellOptions { Timeout = TimeSpan.FromSeconds(1) }, Token);

        (await killed.KillAsync(Token)).Signal.Should().Be(9);
        await disposed.DisposeAsync();
        await disposed.DisposeAsync();
        (await limited.Invoking(p => p.WaitAsync(cancellationToken: Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*waited 1 s for the command: sleep 8883*");

        await Shell.WaitUntilFailsAsync("pgrep -f 'sleep 888[123]'", cancellationToken: Token);
    }

    [Fact]
    public async Task Says_why_a_program_can_not_be_started() =>
        await Shell.Invoking(shell => shell.StartAsync(["no-such-program"], cancellationToken: Token))
            .Should().ThrowAsync<GuestCommandException>().WithMessage("*could not be started: exec no-such-program: No such file*");

    [Fact]
    public async Task Ends_at_once_with_the_machine()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await using GuestProcess process = await vm.Shell.StartAsync("sleep 8884", cancellationToken: Token);
        Task<ShellResult> waiting = process.WaitAsync(cancellationToken: Token);

        await vm.KillAsync();

        await waiting.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<MachineExitedException>();
    }

    [Fact]
    public async Task Hands_on_lines_as_they_come()
    {
        List<string> lines = [];
        await foreach (OutputLine line in Shell.RunLinesAsync("echo one; until test -e /tmp/lines-go-on; do usleep 10000; done; echo two >&2; rm /tmp/lines-go-on", cancellationToken: Token))
        {
            lines.Add($"{line.Stream}:{line.Text}");
            if (line.Text == "one")
                await Shell.RunAsync("touch /tmp/lines-go-on", cancellationToken: Token);
        }

        lines.Should().Equal("StandardOutput:one", "StandardError:two");
    }

    [Fact]
    public async Task Throws_after_the_last_line_of_a_command_that_fails()
    {
        List<string> lines = [];
        Func<Task> run = async () =>
        {
            await foreach (OutputLine line in Shell.RunLinesAsync("echo last; exit 9", cancellationToken: Token))
                lines.Add(line.Text);
        };

        (await run.Should().ThrowAsync<GuestCommandException>()).Which.Result!.ExitCode.Should().Be(9);
        lines.Should().Equal("last");
    }

    [Fact]
    public async Task Kills_a_command_whose_loop_is_left_early_and_holds_one_whose_reader_is_slow()
    {
        long began = Stopwatch.GetTimestamp();
        int seen = 0;
        await foreach (OutputLine line in Shell.RunLinesAsync("i=0; while :; do echo $i; i=$((i+1)); echo $i > /tmp/lines-count; done", cancellationToken: Token))
        {
            line.Text.Should().Be($"{seen}");
            if (++seen == 3)
            {
                // It stands still once the pipe and the windows are full.
                await Shell.WaitUntilSucceedsAsync("a=$(cat /tmp/lines-count); usleep 300000; test $a = $(cat /tmp/lines-count)", cancellationToken: Token);
                break;
            }
        }

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(60));
        await Shell.WaitUntilFailsAsync("pgrep -f '[l]ines-count'", cancellationToken: Token);
    }
}
