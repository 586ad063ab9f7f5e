using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Lifecycle;

public sealed class RebootTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Waits_for_the_guest_on_a_host_that_takes_its_time_to_start_QEMU()
    {
        string slow = $"/var/tmp/testharness-slow-qemu-{Environment.ProcessId}";
        await File.WriteAllTextAsync(slow, "#!/bin/sh\nsleep 2.5\nexec qemu-system-x86_64 \"$@\"\n", Token);
        File.SetUnixFileMode(slow, File.GetUnixFileMode("/bin/sh"));
        try
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { QemuPath = slow }, cancellationToken: Token);
            vm.IsWarm.Should().BeTrue("a restored guest reboots into a new QEMU");
            await vm.Shell.RunAsync("touch /dev/shm/before", cancellationToken: Token);

            await vm.Shell.Invoking(shell => shell.TryRunAsync("reboot; sleep 60", cancellationToken: Token)).Should().ThrowAsync<GuestCommandException>();

            (await vm.Shell.RunAsync("ls /dev/shm", cancellationToken: Token)).Should().HaveOutput("");
        }
        finally
        {
            File.Delete(slow);
        }
    }
}
