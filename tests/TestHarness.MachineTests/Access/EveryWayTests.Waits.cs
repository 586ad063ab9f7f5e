using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Access;

// Waits for a state of the guest.
public abstract partial class EveryWayTests
{
    [Fact]
    public async Task Waits_until_a_command_succeeds_or_fails()
    {
        await using GuestProcess later = await Shell.StartAsync(
            $"sleep 0.3; echo done > {Folder}; read _; sleep 0.3; rm {Folder}",
            cancellationToken: Token
        );

        (await Shell.WaitUntilSucceedsAsync($"grep done {Folder}", cancellationToken: Token)).Should().HaveOutput("done");
        await later.StandardInput.DisposeAsync();
        (await Shell.WaitUntilFailsAsync($"test -e {Folder}", cancellationToken: Token)).ExitCode.Should().Be(1);
    }

    [Fact]
    public async Task Says_what_was_seen_last()
    {
        // At once, because each takes all of its time.
        await Task.WhenAll(
            FailsAsync(
                limit => Shell.WaitUntilSucceedsAsync("echo not yet; exit 6", limit, Token),
                "the command to succeed: echo not yet; exit 6, in vain*Last seen:*exit code 6*not yet"
            ),
            FailsAsync(
                limit => Shell.WaitUntilFailsAsync("true", limit, Token),
                "the command to fail: true, in vain*Last seen: exit code 0, no output"
            ),
            FailsAsync(
                limit => Shell.WaitForFileAsync($"/tmp{Folder}/it", limit, Token),
                $"the file '/tmp{Folder}/it' in the guest*Last seen: /tmp/tmp does not exist"
            ),
            FailsAsync(
                limit => Shell.WaitForPortAsync(7071, timeout: limit, cancellationToken: Token),
                "a listener on TCP port 7071 of 127.0.0.1 or ::1 in the guest*Last seen:*onnection refused"
            ),
            FailsAsync(
                limit => Shell.WaitForUnitAsync("no-such-unit", limit, Token),
                "the unit 'no-such-unit' to be active*Last seen: *LoadState=not-found"
            )
        );
    }

    [Fact]
    public async Task Kills_a_look_that_does_not_end()
    {
        (
            await Shell
                .Invoking(shell => shell.WaitUntilSucceedsAsync("sleep 9999", TimeSpan.FromSeconds(0.5), Token))
                .Should()
                .ThrowAsync<WaitTimeoutException>()
        ).WithMessage("*Last seen: the first look did not end*");
        await AssertNoneIsLeftAsync("sleep 9999");
    }

    [Fact]
    public async Task Waits_for_a_file()
    {
        await using GuestProcess later = await Shell.StartAsync(
            $"mkdir {Folder}; sleep 0.3; touch '{Folder}/a file'",
            cancellationToken: Token
        );

        await Shell.WaitForFileAsync($"{Folder}/a file", cancellationToken: Token);
    }

    [Fact]
    public async Task Waits_for_a_port()
    {
        await using GuestProcess later = await Shell.StartAsync(
            "sleep 0.3; exec systemd-socket-activate --listen=127.0.0.1:7070 cat",
            cancellationToken: Token
        );

        await Shell.WaitForPortAsync(7070, cancellationToken: Token);
    }

    [Fact]
    public async Task Waits_for_a_unit()
    {
        await Shell.RunAsync("systemd-run --unit=slow --no-block -p ExecStartPre='/bin/sleep 0.3' sleep 1000", cancellationToken: Token);

        await Shell.WaitForUnitAsync("slow", cancellationToken: Token);
        await Shell.WaitForUnitAsync("ssh", cancellationToken: Token);
    }

    [Fact]
    public async Task Ends_early_with_the_journal_of_a_unit_that_has_failed()
    {
        // A simple service would be active for a moment.
        await Shell.RunAsync(
            "systemd-run --unit=broken --no-block --service-type=oneshot sh -c 'echo it broke; exit 7'",
            cancellationToken: Token
        );

        (
            await Shell
                .Invoking(shell => shell.WaitForUnitAsync("broken", TimeSpan.FromMinutes(1), Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        ).WithMessage("*the unit 'broken' has failed*State:*ActiveState=failed*Journal:*it broke*");
    }

    private static async Task FailsAsync(Func<TimeSpan, Task> wait, string message)
    {
        // Where the host is busy, the first look takes longer.
        for (int seconds = 1; ; seconds *= 3)
        {
            Func<Task> waiting = () => wait(TimeSpan.FromSeconds(seconds));
            WaitTimeoutException thrown = (await waiting.Should().ThrowAsync<WaitTimeoutException>()).Which;
            if (seconds > 9 || !thrown.Message.Contains("the first look did not end", StringComparison.Ordinal))
            {
                thrown.Message.Should().Match($"*waited {seconds} s for {message}*");
                return;
            }
        }
    }
}
