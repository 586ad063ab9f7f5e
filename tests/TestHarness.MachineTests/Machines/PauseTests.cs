using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

[Fault(
    "A paused machine is rolled back, rebooted or stopped. A pause or rollback is cancelled half-way.",
    "`State` says what the guest does. What has begun is completed."
)]
public sealed class PauseTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_rollback_of_a_paused_machine_leaves_it_paused()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync("echo before > /dev/shm/memory", cancellationToken: Token);
        await vm.CheckpointAsync("clean", Token);
        await vm.Shell.RunAsync("echo after > /dev/shm/memory", cancellationToken: Token);
        await vm.PauseAsync(Token);

        for (int round = 0; round < 2; round++)
        {
            await vm.RollbackAsync("clean", Token);
            await ShouldStandStillAsync(vm);
        }

        await vm.ResumeAsync(Token);
        await ShouldRunAsync(vm);
        ShellResult result = await vm.Shell.RunAsync("cat /dev/shm/memory; date +%s", cancellationToken: Token);
        string[] lines = result.StandardOutput.Split('\n');
        lines[0].Should().Be("before");
        long.Parse(lines[1], CultureInfo.InvariantCulture).Should().BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 1);
    }

    [Fact]
    public async Task A_rollback_of_a_paused_machine_ends_the_commands_in_it_at_once()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("here", Token);
        var started = new TaskCompletionSource();
        Task running = vm.Shell.RunAsync("echo started; sleep 600", new ShellOptions { OnOutput = _ => started.TrySetResult() }, Token);
        await started.Task.WaitAsync(Token);
        await vm.PauseAsync(Token);

        await vm.RollbackAsync("here", Token);

        await running
            .Invoking(task => task.WaitAsync(Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage("*put back to a checkpoint*");
        vm.State.Should().Be(MachineState.Paused);
    }

    [Fact]
    public async Task What_a_guest_was_named_and_what_its_own_clock_says_outlive_a_pause()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Image = "tiny", Clock = DateTimeOffset.UnixEpoch.AddYears(31) },
            cancellationToken: Token
        );
        await vm.Shell.RunAsync("hostname renamed; date -s @1000000000", cancellationToken: Token);
        await vm.CheckpointAsync("named", Token);

        await vm.PauseAsync(Token);
        await vm.ResumeAsync(Token);

        string[] lines = (await vm.Shell.RunAsync("hostname; date +%s", cancellationToken: Token)).StandardOutput.Split('\n');
        lines[0].Should().Be("renamed");
        long.Parse(lines[1], CultureInfo.InvariantCulture).Should().BeInRange(1_000_000_000, 1_000_000_600);
        await vm.RollbackAsync("named", Token);
        (await vm.Shell.RunAsync("hostname", cancellationToken: Token)).Should().HaveOutput("renamed");
    }

    [Fact]
    public async Task A_checkpoint_of_a_paused_machine_leaves_it_paused_and_is_gone_back_to_from_a_running_one()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.PauseAsync(Token);
        await vm.CheckpointAsync("paused", Token);
        await ShouldStandStillAsync(vm);
        await vm.ResumeAsync(Token);

        await vm.RollbackAsync("paused", Token);

        await ShouldRunAsync(vm);
    }

    [Fact]
    public async Task Pauses_and_goes_on_after_a_rollback()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("clean", Token);
        await vm.PauseAsync(Token);
        await vm.RollbackAsync("clean", Token);
        await vm.ResumeAsync(Token);
        await vm.PauseAsync(Token);
        await ShouldStandStillAsync(vm);
        await vm.Invoking(machine => machine.PauseAsync(Token)).Should().NotThrowAsync();
        await vm.ResumeAsync(Token);

        await ShouldRunAsync(vm);
    }

    [Fact]
    public async Task What_is_cancelled_leaves_no_guest_that_is_other_than_its_state()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("clean", Token);
        using (var cancelled = new CancellationTokenSource(TimeSpan.FromMilliseconds(20)))
            await vm.Invoking(machine => machine.RollbackAsync("clean", cancelled.Token)).Should().ThrowAsync<OperationCanceledException>();

        // It waits until the rollback is through.
        await vm.PauseAsync(Token);
        await ShouldStandStillAsync(vm);
        await vm.ResumeAsync(Token);
        await ShouldRunAsync(vm);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_reboot_lets_a_paused_machine_go_on()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.PauseAsync(Token);

        await vm.RebootAsync(cancellationToken: Token);

        await ShouldRunAsync(vm);
        await vm.PauseAsync(Token);
        await ShouldStandStillAsync(vm);
    }

    [Fact]
    public async Task A_stop_shuts_a_paused_machine_down_that_was_put_back()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("clean", Token);
        await vm.PauseAsync(Token);
        await vm.RollbackAsync("clean", Token);

        (await vm.StopAsync(Token)).Reason.Should().Be(MachineExitReason.GuestShutdown);
        vm.State.Should().Be(MachineState.Stopped);
        await vm.Invoking(machine => machine.ResumeAsync(Token)).Should().ThrowAsync<MachineExitedException>();
    }

    [Fact]
    public async Task A_command_that_a_paused_machine_does_not_answer_says_that_it_is_paused()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.PauseAsync(Token);

        await vm.Invoking(machine => machine.Shell.RunAsync("true", new ShellOptions { Timeout = TimeSpan.FromMilliseconds(200) }, Token))
            .Should()
            .ThrowAsync<WaitTimeoutException>()
            .WithMessage("*Try: the machine is paused: call ResumeAsync first.*");
    }

    private static async Task ShouldStandStillAsync(VirtualMachine vm)
    {
        vm.State.Should().Be(MachineState.Paused);
        (await vm.Monitor.ExecuteAsync("query-status", null, Token)).GetProperty("running").GetBoolean().Should().BeFalse();
    }

    private static async Task ShouldRunAsync(VirtualMachine vm)
    {
        vm.State.Should().Be(MachineState.Running);
        (await vm.Monitor.ExecuteAsync("query-status", null, Token)).GetProperty("running").GetBoolean().Should().BeTrue();
        (await vm.Shell.RunAsync("true", cancellationToken: Token)).Should().Succeed();
    }
}
