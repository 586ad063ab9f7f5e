using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

public sealed class CheckpointTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Over five seconds in every run: memory and disks together are what a checkpoint is for.
    [Theory]
    [InlineData(StartMode.Warm)]
    [InlineData(StartMode.Cold, Traits = ["Speed", "Slow"])]
    public async Task Puts_memory_and_disks_back_together(StartMode start)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Start = start, Disks = [new Disk(16)] },
            cancellationToken: Token
        );
        await vm.Shell.RunAsync(
            "echo before > /root/disk; echo before > /dev/shm/memory; echo before > /dev/vdb; sync",
            cancellationToken: Token
        );

        await vm.CheckpointAsync("clean", Token);
        for (int round = 0; round < 2; round++)
        {
            await vm.Shell.RunAsync(
                "echo after > /root/disk; rm /dev/shm/memory; echo after > /dev/vdb; sync; sleep 777 > /dev/null 2>&1 &",
                cancellationToken: Token
            );
            await vm.RollbackAsync("clean", Token);

            (
                await vm.Shell.RunAsync(
                    "cat /root/disk /dev/shm/memory; head -c 7 /dev/vdb; ps -ef | grep '[s]leep 777' || echo none",
                    cancellationToken: Token
                )
            )
                .Should()
                .HaveOutput("before\nbefore\nbefore\nnone");
        }

        long now = long.Parse((await vm.Shell.RunAsync("date +%s", cancellationToken: Token)).StandardOutput, CultureInfo.InvariantCulture);
        now.Should().BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 1);
        (await vm.Screen.CaptureAsync(Token)).Width.Should().Be(1024);
        await vm.Console.WaitForAsync("login:", cancellationToken: Token);
        await vm.Console.WriteLineAsync("root", Token);
        await vm.Console.WaitForAsync("# ", cancellationToken: Token);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Gives_other_random_numbers_after_each_rollback()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("same", Token);
        var seen = new HashSet<string>();
        for (int round = 0; round < 5; round++)
        {
            await vm.RollbackAsync("same", Token);
            seen.Add((await vm.Shell.RunAsync("head -c 16 /dev/urandom | od -An -tx1", cancellationToken: Token)).StandardOutput);
        }

        seen.Should().HaveCount(5);
    }

    [Fact]
    public async Task Names_the_checkpoints_that_there_are()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Invoking(machine => machine.RollbackAsync("none", Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*no checkpoint \"none\"*call CheckpointAsync first*");
        await vm.CheckpointAsync("one", Token);
        await vm.CheckpointAsync("two", Token);
        await vm.CheckpointAsync("one", Token);

        await vm.Invoking(machine => machine.RollbackAsync("three", Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*\"one\", \"two\"*");
    }

    [Fact]
    public async Task Is_made_of_a_guest_that_does_not_answer()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        GuestProcess last = await vm.Shell.StartAsync("kill -STOP $PPID", cancellationToken: Token);

        await vm.CheckpointAsync("stuck", Token);

        await vm
            .Shell.Awaiting(it => it.RunAsync("true", new ShellOptions { Timeout = TimeSpan.FromSeconds(1) }, Token))
            .Should()
            .ThrowAsync<WaitTimeoutException>();
        // After the machine: it waits for the guest otherwise.
        await vm.DisposeAsync();
        await last.DisposeAsync();
    }

    [Fact]
    public async Task Ends_a_command_that_was_running_and_says_why()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.CheckpointAsync("here", Token);
        var started = new TaskCompletionSource();
        Task running = vm.Shell.RunAsync("echo started; sleep 600", new ShellOptions { OnOutput = _ => started.TrySetResult() }, Token);
        await started.Task.WaitAsync(Token);

        await vm.RollbackAsync("here", Token);

        await running.Invoking(task => task).Should().ThrowAsync<GuestCommandException>().WithMessage("*put back to a checkpoint*");
    }
}
