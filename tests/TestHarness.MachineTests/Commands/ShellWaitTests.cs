using FluentAssertions;
using TestHarness.MachineTests.Access;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>Waits whose guest restarts, ends, or has no systemd; the rest is in <see cref="EveryWayTests"/>.</summary>
public sealed class ShellWaitTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Trait("Speed", "Slow")]
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

        (
            await waiting.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<MachineExitedException>()
        ).WithMessage("*TCP port 7071*");
    }

    [Fact]
    public async Task Says_so_where_there_is_no_systemd() =>
        (
            await Shell
                .Invoking(shell => shell.WaitForUnitAsync("ssh", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        ).WithMessage("*the unit 'ssh' can't be waited for, because the guest has no systemctl*Try: WaitUntilSucceedsAsync*");
}
