using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

// Waits for a state of the guest.
public abstract partial class EveryWayTests
{
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
        Task succeeds = Shell.WaitUntilSucceedsAsync("echo not yet; exit 6", Short, Token);
        Task fails = Shell.WaitUntilFailsAsync("true", Short, Token);
        Task hangs = Shell.WaitUntilSucceedsAsync("sleep 9999", Short, Token);

        (await succeeds.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*waited 1 s for the command to succeed: echo not yet; exit 6, in vain*Last seen:*exit code 6*not yet*");
        (await fails.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>()).WithMessage("*Last seen: exit code 0, no output*");
        (await hangs.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>()).WithMessage("*Last seen: the first look did not end*");
        await AssertNoneIsLeftAsync("sleep 9999");
    }

    [Fact]
    public async Task Waits_for_a_file()
    {
        Task nowhere = Shell.WaitForFileAsync($"{Folder}/no/where", Short, Token);
        await using GuestProcess later = await Shell.StartAsync($"mkdir {Folder}; sleep 0.3; touch '{Folder}/a file'", cancellationToken: Token);

        await Shell.WaitForFileAsync($"{Folder}/a file", cancellationToken: Token);
        (await nowhere.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage($"*for the file '{Folder}/no/where' in the guest*Last seen: {Folder}/no does not exist*");
    }

    [Fact]
    public async Task Waits_for_a_port()
    {
        Task closed = Shell.WaitForPortAsync(7071, timeout: Short, cancellationToken: Token);
        await using GuestProcess later = await Shell.StartAsync("sleep 0.3; exec systemd-socket-activate --listen=127.0.0.1:7070 cat", cancellationToken: Token);

        await Shell.WaitForPortAsync(7070, cancellationToken: Token);
        (await closed.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*for a listener on TCP port 7071 of 127.0.0.1 or ::1 in the guest*Last seen:*onnection refused*");
    }

    [Fact]
    public async Task Waits_for_a_unit()
    {
        Task missing = Shell.WaitForUnitAsync("no-such-unit", Short, Token);
        await Shell.RunAsync("systemd-run --unit=slow --no-block -p ExecStartPre='/bin/sleep 0.3' sleep 1000", cancellationToken: Token);

        await Shell.WaitForUnitAsync("slow", cancellationToken: Token);
        await Shell.WaitForUnitAsync("ssh", cancellationToken: Token);
        (await missing.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*for the unit 'no-such-unit' to be active*Last seen: *LoadState=not-found*");
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
