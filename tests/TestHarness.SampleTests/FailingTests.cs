using FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.SampleTests;

public sealed class Shared : VirtualMachineFixture
{
    protected override MachineSpec Spec => new() { Image = "tiny" };
}

public sealed class FixtureTests(Shared shared) : IClassFixture<Shared>
{
    [Fact]
    public async Task Fails_with_a_failed_command() =>
        await shared.Machine.Shell.RunAsync("echo wrong >&2; exit 9", cancellationToken: TestContext.Current.CancellationToken);

    [Fact]
    public async Task Passes() => await shared.Machine.Shell.RunAsync("true", cancellationToken: TestContext.Current.CancellationToken);
}

public sealed class AttributeTests
{
    [Theory, VirtualMachine("tiny")]
    public void Fails_with_an_assertion(VirtualMachine vm) => vm.State.Should().Be(MachineState.Stopped);
}

public sealed class NoMachineAttribute() : VirtualMachineAttribute("tiny")
{
    protected override MachineSpec Spec => base.Spec with { Start = StartMode.Cold, ExtraQemuArguments = ["-no-such-option"] };
}

public sealed class NoMachineTests
{
    [Theory, NoMachine]
    public void Fails_with_a_row_that_does_not_start(VirtualMachine vm) => Assert.NotNull(vm);
}

public sealed class OwnMachineTests
{
    [Fact]
    public async Task Fails_with_a_machine_of_its_own()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { CollectOnFailure = ["/etc/passwd"] },
            cancellationToken: TestContext.Current.CancellationToken
        );
        vm.State.Should().Be(MachineState.Stopped);
    }

    [Fact]
    public async Task Fails_after_its_machine_was_disposed()
    {
        VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: TestContext.Current.CancellationToken);
        await vm.DisposeAsync();
        Assert.False(Directory.Exists($"/proc/{vm.ProcessId}"), "nothing has failed so far, so nothing is kept");
        Assert.Fail("on purpose");
    }

    [Fact(Timeout = 40_000)]
    public async Task Times_out()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec(),
            cancellationToken: TestContext.Current.CancellationToken
        );
        // No token on purpose: the machine's end must end the command.
        await vm.Shell.RunAsync("sleep 600");
    }
}

public sealed class HalfStarted : VirtualMachineFixture
{
    protected override MachineSpec Spec => new() { Image = "tiny", CollectOnFailure = ["/etc/passwd"] };

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Machine.Shell.RunAsync("exit 5", cancellationToken: TestContext.Current.CancellationToken);
    }
}

public sealed class HalfStartedTests(HalfStarted fixture) : IClassFixture<HalfStarted>
{
    [Fact]
    public void Fails_with_a_fixture_that_throws_after_its_start() => Assert.NotNull(fixture.Machine);
}
