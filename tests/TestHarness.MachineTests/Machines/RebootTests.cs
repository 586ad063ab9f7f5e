using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

public sealed class RebootTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Waits_for_the_guest_on_a_host_that_takes_its_time_to_start_QEMU()
    {
        using var slow = new QemuScript("sleep 2.5\nexec qemu-system-x86_64 \"$@\"");
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { QemuPath = slow.Path }, cancellationToken: Token);
        vm.IsWarm.Should().BeTrue("a restored guest reboots into a new QEMU");
        await vm.Shell.RunAsync("touch /dev/shm/before", cancellationToken: Token);

        await vm
            .Shell.Invoking(shell => shell.TryRunAsync("reboot; sleep 60", cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>();

        (await vm.Shell.RunAsync("ls /dev/shm", cancellationToken: Token)).Should().HaveOutput("");
    }
}
