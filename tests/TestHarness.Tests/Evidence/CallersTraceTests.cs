using FluentAssertions;
using TestHarness.Errors;
using Xunit;

namespace TestHarness.Tests.Evidence;

/// <summary>What a test framework takes for the place of a failure is the caller's code.</summary>
public sealed class CallersTraceTests
{
    [Fact]
    public async Task Begins_where_the_library_was_called()
    {
        var vm = new VirtualMachine(new MachineSpec { Image = "/no/such/folder" });

        TestHarnessException thrown = await Assert.ThrowsAnyAsync<TestHarnessException>(() => CallAsync(vm));

        thrown
            .StackTrace.Should()
            .StartWith($"   at {typeof(CallersTraceTests).FullName}.{nameof(CallAsync)}(")
            .And.NotContain("TestHarness.VirtualMachine.");
        thrown.ToString().Should().StartWith(typeof(ImageException).FullName).And.NotContain("TestHarness.VirtualMachine.");
    }

    [Fact]
    public void Is_none_of_an_exception_that_was_not_thrown() => CallersTrace.Of(new InvalidOperationException()).Should().BeNull();

    private static async Task CallAsync(VirtualMachine vm) => await vm.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
}
