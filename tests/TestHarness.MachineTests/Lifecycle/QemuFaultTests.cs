using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Lifecycle;

public sealed class QemuFaultTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tells_QEMUs_own_words_when_it_refuses_an_option()
    {
        MachineStartException thrown = await FailAsync(new MachineSpec { ExtraQemuArguments = ["-no-such-option"] }, TimeSpan.FromSeconds(3));

        thrown.Message.Should().Contain("did not start: QEMU ended with exit code 1").And.Contain("-no-such-option: invalid option").And.Contain("Reproduce: ");
    }

    [Fact]
    public async Task Tells_the_last_words_of_a_QEMU_that_ends_at_once()
    {
        MachineStartException thrown = await FailAsync(FakeQemu.Spec("exit:3:could not set up the flux capacitor"), TimeSpan.FromSeconds(3));

        thrown.Message.Should().Contain("exit code 3").And.Contain("Standard error of QEMU: could not set up the flux capacitor");
    }

    [Theory]
    [InlineData("mute", "QEMU to start")]
    [InlineData("no-greeting", "QEMU to start")]
    [InlineData("deaf", "the guest to answer")]
    public async Task Names_what_it_waited_for_when_QEMU_or_the_guest_stays_silent(string behaviour, string waitedFor)
    {
        MachineStartException thrown = await FailAsync(FakeQemu.Spec(behaviour), TimeSpan.FromSeconds(8));

        thrown.Message.Should().Contain("it took more than 5 s (MachineSpec.StartTimeout)").And.Contain($"Waited for: {waitedFor}");
    }

    [Fact]
    public async Task Starts_again_where_QEMU_was_killed_and_says_so()
    {
        string qemu = $"/var/tmp/testharness-killed-{Environment.ProcessId}", once = $"{qemu}.once";
        await File.WriteAllTextAsync(qemu, $"#!/bin/sh\n[ -e {once} ] && exec qemu-system-x86_64 \"$@\"\ntouch {once}\nkill -9 $$\n", Token);
        File.SetUnixFileMode(qemu, File.GetUnixFileMode("/bin/sh"));
        try
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { QemuPath = qemu, Start = StartMode.Cold }, cancellationToken: Token);

            vm.FailedStarts.Should().ContainSingle().Which.Should().Contain("QEMU was ended by signal 9");
            File.Delete(once);
            (await FluentActions.Awaiting(() => VirtualMachine.StartAsync(new MachineSpec { QemuPath = qemu, Start = StartMode.Cold, StartRetries = 0 }, cancellationToken: Token))
                .Should().ThrowAsync<MachineStartException>()).Which.Outcome.Should().Be(FailureOutcome.InfrastructureFailed);
        }
        finally
        {
            File.Delete(qemu);
            File.Delete(once);
        }
    }

    [Fact]
    public async Task Names_the_program_and_its_package_when_QEMU_is_not_there()
    {
        Func<Task> start = () => VirtualMachine.StartAsync(new MachineSpec { QemuPath = "/no/such/qemu" }, cancellationToken: Token);

        (await start.Should().ThrowAsync<HostNotReadyException>()).WithMessage("*/no/such/qemu*");
    }

    private static async Task<MachineStartException> FailAsync(MachineSpec spec, TimeSpan bound)
    {
        await using var vm = new VirtualMachine(spec);
        long asked = Stopwatch.GetTimestamp();

        MachineStartException thrown = (await vm.Invoking(machine => machine.StartAsync(cancellationToken: Token)).Should().ThrowAsync<MachineStartException>()).Which;

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(bound);
        File.Exists($"/proc/{vm.ProcessId}").Should().BeFalse();
        return thrown;
    }
}
