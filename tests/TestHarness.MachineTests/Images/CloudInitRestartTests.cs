using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Images;

/// <summary>User-data that restarts the guest.</summary>
[Collection(nameof(CloudBoots))]
[Fault("User-data restarts the guest (`power_state`, `reboot`), at most three times.", "The start waits for the next boot.")]
public sealed class CloudInitRestartTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("#cloud-config\nruncmd:\n- echo ran >> /root/ran\npower_state:\n  mode: reboot\n")]
    [InlineData("#cloud-config\nruncmd:\n- echo ran >> /root/ran\n- reboot\n- sleep 600\n")]
    public async Task Is_waited_for_until_the_guest_is_up_again(string userData)
    {
        var spec = new MachineSpec
        {
            Image = "debian-12-cloud",
            CloudInit = new CloudInit { UserData = userData },
            Start = StartMode.Cold,
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        (await vm.Shell.RunAsync("cat /root/ran", cancellationToken: Token)).Should().HaveOutput("ran");
        vm.Console.Log.Text.Split("Linux version").Should().HaveCount(3, "it booted twice");
        (await vm.Shell.RunAsync("systemctl is-system-running", cancellationToken: Token)).Should().HaveOutput("running");
    }
}
