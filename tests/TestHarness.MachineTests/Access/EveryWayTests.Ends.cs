using System.Diagnostics;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Access;

// Commands that do not end by themselves, and those that run beside the test.
public abstract partial class EveryWayTests
{
    // Three ways to escape: a child that ignores SIGTERM, one in a new session, one whose parent has gone.
    private const string Stubborn =
        "trap '' TERM HUP; (trap '' TERM; sleep 7777) & setsid sleep 7777 & (setsid sh -c 'sleep 7777 & wait' &) ; echo started; "
        + "sleep 7777";

    [Fact]
    public async Task Kills_everything_when_the_limit_runs_out()
    {
        long asked = Stopwatch.GetTimestamp();
        Func<Task> run = () => Shell.RunAsync(Stubborn, new ShellOptions { Timeout = TimeSpan.FromSeconds(2) }, Token);

        WaitTimeoutException thrown = (await run.Should().ThrowAsync<WaitTimeoutException>()).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(4));
        thrown.Message.Should().Contain("waited 2 s for the command: trap").And.Contain("Last seen: started");
        await AssertNoneIsLeftAsync("sleep 7777");
    }

    [Fact]
    public async Task Kills_everything_when_the_caller_cancels()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var options = new ShellOptions { OnOutput = _ => cancel.Cancel() };

        OperationCanceledException thrown = (
            await Shell.Invoking(shell => shell.RunAsync(Stubborn, options, cancel.Token)).Should().ThrowAsync<OperationCanceledException>()
        ).Which;

        thrown.CancellationToken.Should().Be(cancel.Token);
        await AssertNoneIsLeftAsync("sleep 7777");
    }

    [Fact]
    public async Task Ends_when_the_command_ends_though_a_descendant_lives_on()
    {
        long asked = Stopwatch.GetTimestamp();

        ShellResult result = await Shell.RunAsync("(sleep 600; echo late) & echo $!", cancellationToken: Token);

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(20));
        (await Shell.RunAsync($"kill {result.StandardOutput.Trim()}", cancellationToken: Token)).Should().Succeed("it was left alive");
    }

    [Fact]
    public async Task Talks_to_a_command_while_it_runs()
    {
        await using GuestProcess process = await Shell.StartAsync(
            "while read line; do echo \"got $line\"; done; echo no more >&2; exit 3",
            cancellationToken: Token
        );

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
        await using GuestProcess process = await Shell.StartAsync(
            "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
            cancellationToken: Token
        );

        while (process.StandardOutput != "ready\n")
            await Task.Delay(10, Token);
        (
            await process.Invoking(p => p.WaitAsync(TimeSpan.FromSeconds(0.2), Token)).Should().ThrowAsync<WaitTimeoutException>()
        ).WithMessage("*waited 0.2 s for the end of the command: trap*Last seen: ready*");
        await process.SignalAsync(15, Token);

        (await process.WaitAsync(cancellationToken: Token)).Should().Fail(withExitCode: 5).And.HaveOutput("ready\ntold");
    }

    [Fact]
    public async Task Is_killed_with_everything_that_it_started()
    {
        GuestProcess killed = await Shell.StartAsync("setsid sleep 8888 & sleep 8888", cancellationToken: Token);
        GuestProcess disposed = await Shell.StartAsync(["sleep", "8888"], cancellationToken: Token);
        await using GuestProcess limited = await Shell.StartAsync(
            "sleep 8888",
            new ShellOptions { Timeout = TimeSpan.FromSeconds(0.5) },
            Token
        );

        (await killed.KillAsync(Token)).Signal.Should().Be(9);
        await disposed.DisposeAsync();
        await disposed.DisposeAsync();
        (await limited.Invoking(p => p.WaitAsync(cancellationToken: Token)).Should().ThrowAsync<WaitTimeoutException>()).WithMessage(
            "*waited 0.5 s for the command: sleep 8888*"
        );

        await AssertNoneIsLeftAsync("sleep 8888");
    }
}
