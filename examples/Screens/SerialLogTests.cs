using TestHarness;
using TestHarness.FluentAssertions;
using Xunit;

namespace Screens;

/// <summary>A serial log as a golden: what the guest prints from its first line on, without what differs from run to run.</summary>
public sealed class SerialLogTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_logs_what_it_always_does()
    {
        // The kernel's own messages come in another order each time it boots; only its alarms are let through.
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { KernelArguments = "loglevel=2" },
            cancellationToken: Token
        );

        await vm.Shell.RunAsync(
            "{ echo \"$(date -Is) backup[$$]: started\"; sleep 0.2; echo \"$(date -Is) backup[$$]: 3 files to 10.0.2.2 in 0.21 "
                + "s\"; } > /dev/ttyS0",
            cancellationToken: Token
        );
        await vm.Console.WaitForAsync("3 files", cancellationToken: Token);

        vm.Console.Log.Should().MatchGolden("backup");
    }
}
