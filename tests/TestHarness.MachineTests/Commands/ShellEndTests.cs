using System.Diagnostics;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.MachineTests.Access;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>Commands that do not end by themselves, each in its own way; the rest is in <see cref="EveryWayTests"/>.</summary>
[Fault(
    "A command outlives its limit, ignores SIGTERM, or leaves its session with the pipes open.",
    "All that it started is killed. The call returns within two seconds of its limit. The machine is usable."
)]
public sealed class ShellEndTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

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
        (
            await Shell.RunAsync(
                "i=0; while ps -ef | grep -q '[s]leep 7777' && [ $i -lt 100 ]; do usleep 20000; i=$((i+1)); done; ps -ef | grep "
                    + "'[s]leep 7777' || echo none",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput("none");
}
