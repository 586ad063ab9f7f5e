using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>A guest that is up and whose kernel panics.</summary>
[Fault(
    "The kernel panics in the middle of a command. The guest powers off. The agent is killed.",
    "The command fails at once and names the cause. The three causes are told apart."
)]
public sealed class PanicTests
{
    private const string Crash = "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 600";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(MachineType.Q35)]
    [InlineData(MachineType.Microvm, Traits = ["Speed", "Slow"])]
    public async Task Fails_the_running_command_at_once_and_names_the_panic(MachineType type)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Type = type }, cancellationToken: Token);
        long asked = Stopwatch.GetTimestamp();

        MachineExitedException thrown = (
            await vm.Shell.Invoking(shell => shell.RunAsync(Crash, cancellationToken: Token)).Should().ThrowAsync<MachineExitedException>()
        ).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(4));
        thrown.Exit.Reason.Should().Be(MachineExitReason.KernelPanic);
        thrown.Summary.Should().Contain("the guest's kernel panicked");
        thrown.SerialTail.Should().Contain("Kernel panic - not syncing: sysrq triggered crash");
        vm.State.Should().Be(MachineState.Stopped);
        await vm.Shell.Invoking(shell => shell.RunAsync("true", cancellationToken: Token)).Should().ThrowAsync<MachineExitedException>();
    }

    [Fact]
    public async Task Keeps_the_screen_of_the_panic_for_the_evidence()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        await vm.Shell.Invoking(shell => shell.RunAsync(Crash, cancellationToken: Token)).Should().ThrowAsync<MachineExitedException>();

        MachineEvidence evidence = await vm.CollectEvidenceAsync(Token);

        evidence.Screenshot.Should().NotBeNull();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Comes_back_where_the_kernel_is_told_to_restart()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { KernelArguments = "panic=1" },
            cancellationToken: Token
        );
        await vm.Shell.RunAsync("touch /before; sync", cancellationToken: Token);

        (
            await vm.Shell.Invoking(shell => shell.RunAsync(Crash, cancellationToken: Token)).Should().ThrowAsync<GuestCommandException>()
        ).WithMessage("*The guest's kernel panicked*It restarts (panic= in its kernel arguments)*");

        (await vm.Shell.RunAsync("ls /before", cancellationToken: Token)).StandardOutput.Trim().Should().Be("/before");
    }

    [Fact]
    public async Task Is_not_taken_in_by_a_program_that_prints_one()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        await vm.Shell.RunAsync("echo 'Kernel panic - not syncing: only a text' > /dev/ttyS0", cancellationToken: Token);
        await vm.Console.WaitForAsync("only a text", cancellationToken: Token);

        // Longer than it takes to find out.
        await vm.Shell.RunAsync("sleep 2", cancellationToken: Token);
        vm.State.Should().Be(MachineState.Running);
    }

    [Fact]
    public async Task Tells_a_guest_that_powers_off_from_one_that_is_lost()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        MachineExitedException thrown = (
            await vm
                .Shell.Invoking(shell => shell.RunAsync("poweroff -f; sleep 600", cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineExitedException>()
        ).Which;

        thrown.Exit.Reason.Should().Be(MachineExitReason.GuestShutdown);
    }

    [Fact]
    public async Task Tells_an_agent_that_was_killed_and_goes_on_with_the_next()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        (
            await vm
                .Shell.Invoking(shell => shell.RunAsync("kill -9 $(pidof testharness-agent); sleep 600", cancellationToken: Token))
                .Should()
                .ThrowAsync<GuestCommandException>()
        ).WithMessage("*the way into the guest was lost*agent*");

        (await vm.Shell.RunAsync("echo back", cancellationToken: Token)).StandardOutput.Should().Be("back\n");
    }
}
