using System.Diagnostics;
using FluentAssertions;
using TestHarness.MachineTests.Access;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>Commands that run beside the test; the rest of what they do is in <see cref="EveryWayTests"/>.</summary>
public sealed class ShellBackgroundTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

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
    public async Task Kills_a_command_whose_loop_is_left_early_and_holds_one_whose_reader_is_slow()
    {
        long began = Stopwatch.GetTimestamp();
        int seen = 0;
        // Long lines: a busy host's guest takes more than a minute to fill the pipe with short ones.
        const string Lines = "pad=$(printf %01000d 0); i=0; while :; do echo $i $pad; i=$((i+1)); echo $i > /tmp/lines-count; done";
        await foreach (OutputLine line in Shell.RunLinesAsync(Lines, cancellationToken: Token))
        {
            line.Text.Should().Be($"{seen} {new string('0', 1000)}");
            if (++seen == 3)
            {
                // It stands still once the pipe and the windows are full.
                await Shell.WaitUntilSucceedsAsync(
                    "a=$(cat /tmp/lines-count); usleep 300000; test $a = $(cat /tmp/lines-count)",
                    cancellationToken: Token
                );
                break;
            }
        }

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(60));
        await Shell.WaitUntilFailsAsync("ps -ef | grep '[l]ines-count'", cancellationToken: Token);
    }
}
