using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>
/// Machines that are disposed at awkward moments. Alone, because descriptors and threads of the whole process are counted.
/// </summary>
[Collection(nameof(DisposeRaceTests))]
[CollectionDefinition(nameof(DisposeRaceTests), DisableParallelization = true)]
[Fault(
    "A machine is disposed twice, by many callers at once, during its start, or from its own events.",
    "It ends once, without a deadlock. The number of descriptors and threads stays flat."
)]
[Fault(
    "A test program gets Ctrl-C. A test of it waits for a command without the test's token.",
    "It ends, and its machines with it.",
    "RunnersTests"
)]
public sealed class DisposeRaceTests(Tiny tiny) : IAsyncLifetime
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    // Of no other test: none is made ready for the next one.
    private static readonly MachineSpec Own = new() { StopTimeout = TimeSpan.FromSeconds(33) };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // What was made ready for the tests before these.
    public async ValueTask InitializeAsync() => await VirtualMachine.ReleaseSparesAsync(tiny.Machine.Spec);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData(StartMode.Cold, 1)]
    [InlineData(StartMode.Cold, 2)]
    [InlineData(StartMode.Warm, 3)]
    [InlineData(StartMode.Warm, 4)]
    public async Task Leaves_nothing_when_it_is_disposed_during_the_start(StartMode mode, int seed)
    {
        var random = new Random(seed);
        HashSet<string> before = Folders();
        for (int round = 0; round < 5; round++)
        {
            var vm = new VirtualMachine(new MachineSpec { Start = mode });
            Task start = vm.StartAsync(cancellationToken: Token);
            await Task.Delay(random.Next(mode == StartMode.Cold ? 1500 : 120), Token);

            await Task.WhenAll(vm.DisposeAsync().AsTask(), vm.DisposeAsync().AsTask()).WaitAsync(Bound, Token);

            if (await Record.ExceptionAsync(() => start.WaitAsync(Bound, Token)) is { } thrown)
                thrown
                    .Should()
                    .BeOfType<MachineStartException>()
                    .Which.Message.Should()
                    .StartWith($"Machine '{vm.Name}' (image tiny) did not start: the test ended it.");
            vm.State.Should().Be(MachineState.Stopped);
            if (vm.ProcessId is { } process)
                StartTests.Running(process).Should().BeFalse();
            Folders().Should().BeEquivalentTo(before);
        }
    }

    // As xunit's hooks do, which are synchronous.
    [Fact]
    public async Task Ends_though_who_waited_for_it_blocks_until_it_is_disposed()
    {
        for (int round = 0; round < 5; round++)
        {
            VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
            var going = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task waiting = Task.Run(
                async () =>
                {
                    Task command = vm.Shell.RunAsync("sleep 100");
                    going.SetResult();
                    await command.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    vm.DisposeAsync().AsTask().GetAwaiter().GetResult();
                },
                Token
            );
            await going.Task;

            await vm.DisposeAsync().AsTask().WaitAsync(Bound, Token);

            await waiting.WaitAsync(Bound, Token);
        }
    }

    [Fact]
    public async Task Leaves_nothing_when_the_starts_own_progress_disposes_it()
    {
        HashSet<string> before = Folders();
        var vm = new VirtualMachine(new MachineSpec { Start = StartMode.Cold });
        var disposing = new Disposing(vm, "guest boots");

        await vm.Invoking(it => it.StartAsync(disposing, Token).WaitAsync(TimeSpan.FromSeconds(20), Token))
            .Should()
            .ThrowAsync<MachineStartException>();

        StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
        Folders().Should().BeEquivalentTo(before);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Can_be_disposed_by_a_listener_of_Stopping(bool blocking)
    {
        HashSet<string> before = Folders();
        VirtualMachine vm = await VirtualMachine.StartAsync(Own, cancellationToken: Token);
        int told = 0;
        vm.Stopping += async machine =>
        {
            told++;
            if (blocking)
                Task.Run(async () => await machine.DisposeAsync()).GetAwaiter().GetResult();
            else
                await machine.DisposeAsync();
        };

        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () => await vm.DisposeAsync()))).WaitAsync(Bound, Token);

        told.Should().Be(1);
        StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
        Folders().Should().BeEquivalentTo(before);
    }

    [Fact]
    public async Task Ends_the_machine_when_a_listener_of_Stopping_fails_and_tells_its_failure()
    {
        HashSet<string> before = Folders();
        VirtualMachine vm = await VirtualMachine.StartAsync(Own, cancellationToken: Token);
        vm.Stopping += _ => throw new FormatException("no evidence today");

        (
            await vm.Awaiting(machine => machine.DisposeAsync().AsTask().WaitAsync(Bound, Token)).Should().ThrowAsync<FormatException>()
        ).WithMessage("no evidence today");

        StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
        Folders().Should().BeEquivalentTo(before);
    }

    [Fact]
    public async Task Leaves_nothing_when_it_is_disposed_during_commands_and_transfers()
    {
        HashSet<string> before = Folders();
        for (int round = 0; round < 3; round++)
        {
            VirtualMachine vm = await VirtualMachine.StartAsync(Own, cancellationToken: Token);
            Task[] calls =
            [
                vm.Shell.RunAsync("sleep 600", cancellationToken: Token),
                vm.Files.PushAsync(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "/root/", cancellationToken: Token),
                vm.Screen.CaptureAsync(Token),
                vm.CheckpointAsync("now", Token),
                vm.RebootAsync(cancellationToken: Token),
            ];
            await Task.Delay(100 * round, Token);

            await vm.DisposeAsync().AsTask().WaitAsync(Bound, Token);

            foreach (Task call in calls)
            {
                // Some may have ended before.
                if (await Record.ExceptionAsync(() => call.WaitAsync(Bound, Token)) is { } thrown)
                    thrown.Should().BeAssignableTo<MachineException>();
            }

            StartTests.Running(vm.ProcessId!.Value).Should().BeFalse();
            Folders().Should().BeEquivalentTo(before);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Gives_descriptors_and_threads_back()
    {
        for (int round = 0; round < 4; round++)
            await CycleAsync(round);
        (int descriptors, int threads) = Count();

        for (int round = 0; round < 20; round++)
            await CycleAsync(round);

        (int descriptorsAfter, int threadsAfter) = Count();
        descriptorsAfter.Should().BeLessThanOrEqualTo(descriptors + 4);
        // The thread pool grows and shrinks by itself.
        threadsAfter.Should().BeLessThanOrEqualTo(threads + 8);
    }

    private static async Task CycleAsync(int round)
    {
        if (round % 4 == 3)
        {
            var vm = new VirtualMachine(new MachineSpec());
            Task start = vm.StartAsync(cancellationToken: Token);
            await Task.Delay(10 * round, Token);
            await vm.DisposeAsync();
            await start.ContinueWith(_ => { }, Token);
            return;
        }

        await using VirtualMachine machine = await VirtualMachine.StartAsync(Own, cancellationToken: Token);
        await machine.Shell.RunAsync("true", cancellationToken: Token);
        if (round % 4 == 2)
            Signal.Send("KILL", machine);
    }

    private static (int Descriptors, int Threads) Count()
    {
        // What nobody holds any more goes with the collector.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return (Directory.GetFileSystemEntries("/proc/self/fd").Length, Directory.GetDirectories("/proc/self/task").Length);
    }

    // The machines' folders of this process: the shared machine's, and those beside it.
    private HashSet<string> Folders() => [.. Directory.GetDirectories(Path.GetDirectoryName(tiny.Machine.OwnFolder)!)];

    private sealed class Disposing(VirtualMachine vm, string at) : IProgress<StartProgress>
    {
        public void Report(StartProgress value)
        {
            if (value.Step == at)
                vm.DisposeAsync().AsTask().Wait(Token);
        }
    }
}
