using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>A QEMU that is a script which starts the real one and waits for it.</summary>
public sealed class QemuWrapperTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("qemu-system-x86_64 \"$@\"; exit $?")]
    [InlineData("timeout 600 qemu-system-x86_64 \"$@\" > /dev/null 2>&1; exit $?")]
    public async Task Ends_with_its_machine(string script)
    {
        using var wrapper = new QemuScript(script);
        var litter = new Litter();
        VirtualMachine vm = await VirtualMachine.StartAsync(
            litter.Mark(new MachineSpec { QemuPath = wrapper.Path, MemoryMiB = 128 }),
            cancellationToken: Token
        );
        litter.Find().Length.Should().BeGreaterThan(1, "the script waits for the real one");

        await vm.DisposeAsync().AsTask().WaitAsync(Bound, Token);

        await litter.ShouldBeGoneAsync(null, Token);
    }
}
