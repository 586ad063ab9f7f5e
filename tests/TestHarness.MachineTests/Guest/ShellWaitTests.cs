using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Guest;

public sealed class ShellWaitTests(Tiny tiny)
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Waits_until_a_command_succeeds_or_fails()
    {
        await using GuestProcess later = await Shell.StartAsync("usleep 300000; echo done > /tmp/wait-later; usleep 300000; rm /tmp/wait-later", cancellationToken: Token);

        (await Shell.WaitUntilSucceedsAsync("cat /tmp/wait-later", cancellationToken: Token)).Should().HaveOutput("done");
        (await Shell.WaitUntilFailsAsync("test -e /tmp/wait-later", cancellationToken: Token)).ExitCode.Should().Be(1);
    }

    [Fact]
    public async Task Says_what_was_seen_last()
    {
        (await Shell.Invoking(shell => shell.WaitUntilSucceedsAsync("echo not yet; exit 6", Short, Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*waited 1 s for the command to succeed: echo not yet; exit 6, in vain*Last seen:*exit code 6*not yet*");
        (await Shell.Invoking(shell => shell.WaitUntilFailsAsync("true", Short, Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*Last seen: exit code 0, no output*");
        (await Shell.Invoking(shell => shell.WaitUntilSucceedsAsync("sleep 7771", Short, Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*Last seen: the first look did not end*");
        await Shell.WaitUntilFailsAsync("pgrep -f 'sleep 777[1]'", cancellationToken: Token);
    }

    [Fact]
    public async Task Waits_for_a_file()
    {
        await using GuestProcess later = await Shell.StartAsync("usleep 300000; mkdir -p '/tmp/wait for'; touch '/tmp/wait for/it'; sleep 60", cancellationToken: Token);

        await Shell.WaitForFileAsync("/tmp/wait for/it", cancellationToken: Token);
        (await Shell.Invoking(shell => shell.WaitForFileAsync("/tmp/wait for/no/where", Short, Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*for the file '/tmp/wait for/no/where' in the guest*Last seen: /tmp/wait for/no does not exist*");
    }

    [Fact]
    public async Task Waits_for_a_port()
    {
        (await Shell.Invoking(shell => shell.WaitForPortAsync(7070, timeout: Short, cancellationToken: Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*for a listener on TCP port 7070 of 127.0.0.1 or ::1 in the guest*Last seen:*onnection refused*");
        await using GuestProcess later = await Shell.StartAsync("usleep 300000; exec nc -l -p 7070", cancellationToken: Token);

        await Shell.WaitForPortAsync(7070, cancellationToken: Token);
    }

    [Fact]
    public async Task Ends_at_once_with_the_machine_but_not_with_a_reboot()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        Task reboot = vm.Shell.WaitForFileAsync("/tmp/after-the-reboot", TimeSpan.FromMinutes(2), Token);
        await vm.RebootAsync(cancellationToken: Token);
        await vm.Shell.RunAsync("touch /tmp/after-the-reboot", cancellationToken: Token);
        await reboot;

        Task waiting = vm.Shell.WaitForPortAsync(7071, cancellationToken: Token);
        await vm.KillAsync();

        (await waiting.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<MachineExitedException>())
            .WithMessage("*TCP port 7071*");
    }

    [Fact]
    public async Task Says_so_where_there_is_no_systemd() =>
        (await Shell.Invoking(shell => shell.WaitForUnitAsync("ssh", cancellationToken: Token)).Should().ThrowAsync<GuestCommandException>())
            .WithMessage("*the unit 'ssh' can't be waited for, because the guest has no systemctl*Try: WaitUntilSucceedsAsync*");

    [Theory, VirtualMachine("debian-12")]
    public async Task Waits_for_a_unit_and_ends_early_when_it_has_failed(VirtualMachine vm)
    {
        await vm.Shell.WaitForUnitAsync("ssh", cancellationToken: Token);
        await vm.Shell.RunAsync("systemd-run --unit=slow --no-block -p ExecStartPre='/bin/sleep 1' sleep 1000", cancellationToken: Token);
        await vm.Shell.WaitForUnitAsync("slow", cancellationToken: Token);
        await vm.Shell.RunAsync("systemd-run --unit=broken --no-block sh -c 'echo it broke; exit 7'", cancellationToken: Token);

        (await vm.Shell.Invoking(shell => shell.WaitForUnitAsync("broken", TimeSpan.FromMinutes(1), Token)).Should().ThrowAsync<GuestCommandException>())
            .WithMessage("*the unit 'broken' has failed*State:*ActiveState=failed*Journal:*it broke*");
        (await vm.Shell.Invoking(shell => shell.WaitForUnitAsync("no-such-unit", Short, Token)).Should().ThrowAsync<WaitTimeoutException>())
            .WithMessage("*for the unit 'no-such-unit' to be active*Last seen: *LoadState=not-found*");
    }
}
