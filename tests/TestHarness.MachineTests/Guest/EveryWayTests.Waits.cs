using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

// Waits for a state of the guest.
public abstract partial class EveryWayTests
{
    // Time for a first look, also where the host is busy.
    private static readonly TimeSpan InVain = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Waits_until_a_command_succeeds_or_fails()
    {
        await using GuestProcess later = await Shell.StartAsync($"sleep 0.3; echo done > {Folder}; sleep 0.3; rm {Folder}", cancellationToken: Token);

        (await Shell.WaitUntilSucceedsAsync($"cat {Folder}", cancellationToken: Token)).Should().HaveOutput("done");
        (await Shell.WaitUntilFailsAsync($"test -e {Folder}", cancellationToken: Token)).ExitCode.Should().Be(1);
    }

    [Fact]
    public async Task Says_what_was_seen_last()
    {
        // At once, because each takes all of its time.
        await Task.WhenAll(
            FailsAsync(
                Shell.WaitUntilSucceedsAsync("echo not yet; exit 6", InVain, Token), "the command to succeed: echo not yet; exit 6, in vain*Last seen:*exit code 6*not yet"),
            FailsAsync(Shell.WaitUntilFailsAsync("true", InVain, Token), "the command to fail: true, in vain*Last seen: exit code 0, no output"),
            FailsAsync(Shell.WaitUntilSucceedsAsync("sleep 9999", InVain, Token), "Last seen: the first look did not end"),
            FailsAsync(
                Shell.WaitForFileAsync($"/tmp{Folder}/it", InVain, Token), $"the file '/tmp{Folder}/it' in the guest*Last seen: /tmp/tmp does not exist"),
            FailsAsync(
                Shell.WaitForPortAsync(7071, timeout: InVain, cancellationToken: Token),
                "a listener on TCP port 7071 of 127.0.0.1 or ::1 in the guest*Last seen:*onnection refused"),
            FailsAsync(Shell.WaitForUnitAsync("no-such-unit", InVain, Token), "the unit 'no-such-unit' to be active*Last seen: *LoadState=not-found"));
        await AssertNoneIsLeftAsync("sleep 9999");

        static async Task FailsAsync(Task wait, string message) =>
            (await wait.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>()).WithMessage($"*waited 3 s for *{message}*");
    }

    [Fact]
    public async Task Waits_for_a_file()
    {
        await using GuestProcess later = await Shell.StartAsync($"mkdir {Folder}; sleep 0.3; touch '{Folder}/a file'", cancellationToken: Token);

        await Shell.WaitForFileAsync($"{Folder}/a file", cancellationToken: Token);
    }

    [Fact]
    public async Task Waits_for_a_port()
    {
        await using GuestProcess later = await Shell.StartAsync("sleep 0.3; exec systemd-socket-activate --listen=127.0.0.1:7070 cat", cancellationToken: Token);

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
        await Shell.RunAsync("systemd-run --unit=broken --no-block --service-type=oneshot sh -c 'echo it broke; exit 7'", cancellationToken: Token);

        (await Shell.Invoking(shell => shell.WaitForUnitAsync("broken", TimeSpan.FromMinutes(1), Token)).Should().ThrowAsync<GuestCommandException>())
            .WithMessage("*the unit 'broken' has failed*State:*ActiveState=failed*Journal:*it broke*");
    }
}
