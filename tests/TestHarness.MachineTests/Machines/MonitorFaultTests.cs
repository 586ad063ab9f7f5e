using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>What a user sees when QEMU's monitor does not greet, sends something else than its protocol, or breaks.</summary>
[Fault(
    "QEMU's monitor does not greet, or sends garbage, cut JSON or an endless line. It breaks in the middle of a " + "command.",
    "The failure gives one clear reason. Memory is bounded. A QEMU without its monitor is ended.",
    "QmpHostileInputTests",
    "QmpClientTests"
)]
public sealed class MonitorFaultTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("mute", "QEMU's monitor did not greet within 10 s", 14)]
    [InlineData("no-greeting", "QEMU's monitor did not greet within 10 s", 14)]
    [InlineData("greet:other-protocol", "QEMU's monitor is gone: it sent what is not JSON: \"SSH-2.0-OpenSSH_9.2p1\"", 4)]
    [InlineData("greet:cut-json", "QEMU's monitor is gone: it sent what is not JSON: ", 4)]
    [InlineData("greet:not-utf8", "QEMU's monitor is gone: it sent bytes that are not UTF-8: ", 4)]
    [InlineData("greet:huge-line", "QEMU's monitor is gone: it sent a line of more than 1048576 bytes: \"xxx", 5)]
    [InlineData("greet:old-version", "QEMU's monitor is gone: it is QEMU 2.2, and 7.2 or newer is needed", 4)]
    [InlineData("drop", "QEMU's monitor is gone: it closed the connection", 4)]
    public async Task Fails_the_start_with_the_reason_and_leaves_nothing(string behaviour, string reason, int boundSeconds)
    {
        var litter = new Litter();
        await using var vm = new VirtualMachine(litter.Mark(FakeQemu.Spec(behaviour) with { StartTimeout = TimeSpan.FromSeconds(60) }));
        Task start = vm.StartAsync(cancellationToken: Token);
        string folder = await litter.WaitForProcessAsync(Token);
        // Not from the asking: the first start of a host proves its accelerator before.
        long asked = Stopwatch.GetTimestamp();

        MachineStartException thrown = (await start.Awaiting(task => task).Should().ThrowAsync<MachineStartException>()).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(boundSeconds));
        thrown
            .Message.Should()
            .StartWith($"Machine '{vm.Name}' (image tiny) did not start: {reason}")
            .And.Contain("Waited for: ")
            .And.Contain("Reproduce: ");
        await litter.ShouldBeGoneAsync(folder, Token);
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("drop", "it closed the connection")]
    [InlineData("garbage", "it sent what is not JSON: \"*** stack smashing detected ***\"")]
    public async Task Ends_a_running_machine_whose_monitor_breaks(string way, string reason)
    {
        var litter = new Litter();
        // Not a screenshot: a boot whose console is silent for a second takes one by itself.
        await using VirtualMachine vm = await VirtualMachine.StartAsync(litter.Mark(FakeQemu.Relay("stop", way)), cancellationToken: Token);
        string folder = await litter.WaitForProcessAsync(Token);
        Task<ShellResult> command = vm.Shell.RunAsync("sleep 600", cancellationToken: Token);
        long asked = Stopwatch.GetTimestamp();

        MachineExitedException thrown = (
            await vm.Invoking(machine => machine.PauseAsync(Token)).Should().ThrowAsync<MachineExitedException>()
        ).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(2));
        thrown
            .Message.Should()
            .Contain($"is not running: QEMU lived on without its monitor and was ended (QEMU's monitor is gone: {reason})")
            .And.Contain("Waited for: the guest to pause");
        thrown.Exit.Reason.Should().Be(MachineExitReason.MonitorLost);
        (await command.Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(2), Token)).Should().ThrowAsync<MachineExitedException>())
            .Which.Exit.Should()
            .Be(vm.Exit);
        vm.State.Should().Be(MachineState.Stopped);
        await vm.DisposeAsync();
        await litter.ShouldBeGoneAsync(folder, Token);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Tells_QEMUs_words_when_it_refuses_and_goes_on()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(FakeQemu.Relay("screendump", "refuse"), cancellationToken: Token);

        MonitorException thrown = (
            await vm.Screen.Invoking(screen => screen.CaptureAsync(Token)).Should().ThrowAsync<MonitorException>()
        ).Which;

        thrown
            .Message.Should()
            .StartWith($"Machine '{vm.Name}': QEMU refused: the relay is closed today")
            .And.Contain("Waited for: a screenshot");
        thrown.WaitedFor.Should().Be("a screenshot");
        await vm.Shell.RunAsync("true", cancellationToken: Token);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Ends_the_wait_for_a_monitor_that_does_not_answer_and_goes_on()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(FakeQemu.Relay("screendump", "silence"), cancellationToken: Token);
        long asked = Stopwatch.GetTimestamp();

        (await vm.Screen.Invoking(screen => screen.CaptureAsync(Token)).Should().ThrowAsync<WaitTimeoutException>())
            .Which.WaitedFor.Should()
            .Be("a screenshot");

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(22));
        await vm.Shell.RunAsync("true", cancellationToken: Token);
    }
}
