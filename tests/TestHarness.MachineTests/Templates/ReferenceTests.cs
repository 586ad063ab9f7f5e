using FluentAssertions;
using TestHarness.Benchmarks;
using Xunit;

namespace TestHarness.MachineTests.Templates;

/// <summary>The benchmarks compare a start of ours with one by hand. Both must run the same QEMU.</summary>
public sealed class ReferenceTests
{
    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(StartMode.Warm)]
    [InlineData(StartMode.Cold)]
    public async Task Runs_QEMU_with_the_arguments_of_our_machine(StartMode start)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Start = start },
            cancellationToken: TestContext.Current.CancellationToken
        );
        string[] ours = ArgumentsOf(vm.ProcessId!.Value),
            byHand = [];

        double milliseconds = await BareQemu.RunAsync(await Reference.OfAsync(vm), qemu => byHand = ArgumentsOf(qemu));

        byHand.Should().Equal(ours);
        milliseconds.Should().BePositive();
    }

    // proc_pid_cmdline(5): each ends with a zero byte. The program may be given by its path or its name.
    private static string[] ArgumentsOf(int process) => File.ReadAllText($"/proc/{process}/cmdline").TrimEnd('\0').Split('\0')[1..];
}
