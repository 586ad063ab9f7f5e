using System.Diagnostics;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

/// <summary>A command that does not end by itself: limit, cancellation, and what becomes of everything that it started.</summary>
public sealed class ShellEndTests(Tiny tiny)
{
    // Three ways to escape: a child that ignores SIGTERM, one in a new session, one whose parent has gone.
    private const string Stubborn = "trap '' TERM HUP; (trap '' TERM; sleep 7777) & setsid sleep 7777 & (setsid sh -c 'sleep 7777 & wait' &) ; echo started; sleep 7777";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Kills_everything_when_the_limit_runs_out()
    {
        long asked = Stopwatch.GetTimestamp();
        Func<Task> run = () => Shell.RunAsync(Stubborn, new ShellOptions { Timeout = TimeSpan.FromSeconds(2) }, Token);

        WaitTimeoutException thrown = (await run.Should().ThrowAsync<WaitTimeoutException>()).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(4));
        thrown.Message.Should().Contain("waited 2 s for the command: trap").And.Contain("Last seen: started");
        await AssertNothingLeftAsync();
    }

    [Theory]
    [InlineData("sleep 7777")]
    [InlineData("trap '' TERM INT HUP; sleep 7777 & wait; wait")]
    [InlineData("setsid sleep 7777 & wait")]
    [InlineData("setsid sh -c 'while :; do echo y; done' & sleep 7777")]
    [InlineData("kill -STOP $$; sleep 7777")]
    public async Task Ends_in_time_and_leaves_a_machine_that_answers(string command)
    {
        using var cancel = new CancellationTokenSource();
        var limit = new ShellOptions { Timeout = TimeSpan.FromSeconds(1) };
        await EndsInTimeAsync<WaitTimeoutException>(() => Shell.RunAsync(command, limit, Token));

        cancel.CancelAfter(TimeSpan.FromSeconds(1));
        await EndsInTimeAsync<OperationCanceledException>(() => Shell.RunAsync(command, cancellationToken: cancel.Token));
    }

    [Fact]
    public async Task Kills_everything_when_the_caller_cancels()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var options = new ShellOptions { OnOutput = _ => cancel.Cancel() };

        OperationCanceledException thrown = (await Shell.Invoking(shell => shell.RunAsync(Stubborn, options, cancel.Token))
            .Should().ThrowAsync<OperationCanceledException>()).Which;

        thrown.CancellationToken.Should().Be(cancel.Token);
        await AssertNothingLeftAsync();
    }

    private async Task EndsInTimeAsync<T>(Func<Task> run)
        where T : Exception
    {
        long asked = Stopwatch.GetTimestamp();
        await run.Should().ThrowAsync<T>();
        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(3), "the limit is 1 s, and the end may take 2");
        await AssertNothingLeftAsync();
    }

    // The kill is asked for, not waited for; the next command comes after it on the same connection.
    private async Task AssertNothingLeftAsync() =>
        (await Shell.RunAsync("i=0; while pgrep -f 'sleep 777[7]' >/dev/null && [ $i -lt 100 ]; do usleep 20000; i=$((i+1)); done; pgrep -fa 'sleep 777[7]' || echo none", cancellationToken: Token))
            .Should().HaveOutput("none");
}
