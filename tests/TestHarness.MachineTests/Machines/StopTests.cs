using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

public sealed class StopTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Shuts_the_guest_down_in_an_orderly_way()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        MachineExit exit = await vm.StopAsync(Token);

        exit.Reason.Should().Be(MachineExitReason.GuestShutdown);
        (vm.State, vm.Exit).Should().Be((MachineState.Stopped, exit));
        vm.Console.Log.Should().Contain("reboot: Power down");
    }

    [Fact]
    public async Task Kills_a_guest_that_does_not_go()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { StopTimeout = TimeSpan.FromSeconds(1) },
            cancellationToken: Token
        );
        // An init that is stopped obeys nobody; signals wait for it.
        await vm.Shell.RunAsync(
            "mount -t tmpfs none /sbin 2>/dev/null; mount -t tmpfs none /bin 2>/dev/null; mount -t tmpfs none /etc",
            cancellationToken: Token
        );

        MachineExit exit = await vm.StopAsync(Token);

        exit.Reason.Should().Be(MachineExitReason.Killed);
    }

    [Fact]
    public async Task Cuts_the_power()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        int process = vm.ProcessId!.Value;

        MachineExit exit = await vm.KillAsync();

        exit.Reason.Should().Be(MachineExitReason.Killed);
        StartTests.Running(process).Should().BeFalse();
        vm.Console.Log.Text.Should().NotContain("Power down");
    }

    [Fact]
    public async Task Can_be_disposed_twice_and_in_parallel()
    {
        VirtualMachine vm = await tiny.StartFreshAsync(Token);

        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Task.Run(async () => await vm.DisposeAsync())));
        await vm.DisposeAsync();

        StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
        (
            await vm.Shell.Invoking(shell => shell.RunAsync("true", cancellationToken: Token)).Should().ThrowAsync<MachineExitedException>()
        ).WithMessage("*is not running: the test ended it*Waited for: the command: true*");
    }

    // Over five seconds in every run: a reboot is what many tests are about.
    [Fact]
    public async Task Comes_back_from_a_reboot_with_its_disk()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Hostname = "before-and-after" },
            cancellationToken: Token
        );
        await vm.Shell.RunAsync("echo kept > /root/note; touch /dev/shm/gone", cancellationToken: Token);

        await vm.RebootAsync(cancellationToken: Token);

        (await vm.Shell.RunAsync("cat /root/note; hostname; ls /dev/shm", cancellationToken: Token))
            .Should()
            .HaveOutput("kept\nbefore-and-after");
        vm.Console.Log.Text.Split("Linux version 6.").Length.Should().Be(3, "both boots are in the log");
        vm.State.Should().Be(MachineState.Running);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Comes_back_when_the_guest_reboots_on_its_own()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        await vm.Shell.TryRunAsync("reboot; sleep 60", cancellationToken: Token).ContinueWith(_ => { }, Token);

        (await vm.Shell.RunAsync("cut -d. -f1 /proc/uptime", cancellationToken: Token)).StandardOutput.Trim().Length.Should().BeLessThan(3);
        vm.Console.Log.Text.Split("Linux version 6.").Length.Should().Be(3);
    }

    [Fact]
    public async Task Says_how_QEMU_died_when_a_command_is_running()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        Task running = vm.Shell.RunAsync("sleep 600", cancellationToken: Token);
        System.Diagnostics.Process.GetProcessById(vm.ProcessId!.Value).Kill();

        (await running.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<MachineExitedException>())
            .WithMessage("*is not running: QEMU was ended by signal 9*Waited for: the command: sleep 600*")
            .Which.Exit.Signal.Should()
            .Be(9);
    }
}
