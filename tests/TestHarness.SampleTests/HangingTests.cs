using Xunit;

namespace TestHarness.SampleTests;

public sealed class HangingTests
{
    [Fact]
    public async Task Hangs_with_a_machine()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec(),
            cancellationToken: TestContext.Current.CancellationToken
        );
        // The test that watches reads QEMU's process id from here.
        await File.WriteAllTextAsync(
            Environment.GetEnvironmentVariable("SAMPLE_PID_FILE")!,
            $"{vm.ProcessId} {Environment.ProcessId}",
            TestContext.Current.CancellationToken
        );
        await Task.Delay(Timeout.Infinite, CancellationToken.None);
    }
}
