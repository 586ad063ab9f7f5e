using FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.SampleTests;

public sealed class HeldTests
{
    [Fact, HoldOnFailure]
    public async Task Fails_and_is_held()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec(),
            cancellationToken: TestContext.Current.CancellationToken
        );
        vm.State.Should().Be(MachineState.Stopped);
    }
}
