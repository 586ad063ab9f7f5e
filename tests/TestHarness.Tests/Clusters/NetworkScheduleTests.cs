using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Clusters;

[Fault(
    "A step of a schedule of faults fails or does not come back.",
    "The failure comes out where the schedule is awaited or disposed, and is in the timelines. The cluster's end waits for no step."
)]
public sealed class NetworkScheduleTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Steps_are_done_at_their_times_in_order_and_are_in_the_timeline_of_each_machine()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        DateTimeOffset began = time.GetUtcNow();
        List<TimeSpan> done = [];
        await using NetworkSchedule schedule = two.Network.Schedule(
            NetworkStep.After(5 * Second, lan => Do(lan.Heal)),
            NetworkStep.After(2 * Second, lan => Do(() => lan.Partition(["db"], ["web"]))),
            NetworkStep.After(2 * Second, async lan =>
            {
                await Task.Yield();
                Do(() => lan.From("web").Cut());
            })
        );

        time.Advance(1.9 * Second);
        done.Should().BeEmpty();
        Task end = schedule.WaitAsync(cancellationToken: Token);
        await AdvanceUntilAsync(time, end);

        await end;
        done.Should().HaveCount(3).And.BeInAscendingOrder();
        done[1].Should().BeGreaterThanOrEqualTo(2 * Second).And.BeLessThan(5 * Second);
        done[2].Should().BeGreaterThanOrEqualTo(5 * Second);
        foreach (string machine in (string[])["db", "web"])
            two.Events(machine)
                .Where(one => one.Kind == MachineEventKind.Network)
                .Select(one => one.What)
                .Should()
                .Equal(
                    "lan: schedule: step 1 of 3, after 2s",
                    "lan: partition db | web",
                    "lan: schedule: step 2 of 3, after 2s",
                    "lan: from web: cut",
                    "lan: schedule: step 3 of 3, after 5s",
                    "lan: heal"
                );
        await schedule.WaitAsync(cancellationToken: Token);

        void Do(Action change)
        {
            done.Add(time.GetUtcNow() - began);
            change();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_step_that_fails_is_told_once_and_the_rest_is_not_done(bool isCancelled)
    {
        await using var two = new NetworkOfTwo();
        Exception mine = isCancelled ? new OperationCanceledException("mine") : new FormatException("mine\nand more");
        NetworkStep[] steps = [NetworkStep.After(TimeSpan.Zero, _ => throw mine), NetworkStep.After(TimeSpan.Zero, lan => lan.Heal())];
        NetworkSchedule awaited = two.Network.Schedule(steps),
            forgotten = two.Network.Schedule(steps);

        (await Record.ExceptionAsync(() => awaited.WaitAsync(cancellationToken: Token))).Should().BeSameAs(mine);
        await awaited.DisposeAsync();
        await UntilAsync(() => two.Events().Count(one => one.Outcome == $"{mine.GetType().Name}: mine") == 3);
        (await Record.ExceptionAsync(() => forgotten.DisposeAsync().AsTask())).Should().BeSameAs(mine);
        await forgotten.DisposeAsync();

        two.Events("web").Select(one => one.What).Should().Contain("lan: schedule: step 1 of 2, after 0s").And.NotContain("lan: heal");
    }

    [Fact]
    public async Task A_schedule_that_is_disposed_does_no_more_and_says_so()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        NetworkSchedule schedule = two.Network.Schedule(
            NetworkStep.After(TimeSpan.Zero, lan => lan.Isolate("db")),
            NetworkStep.After(Second, lan => lan.Heal())
        );
        await UntilAsync(() => two.Events().Any(one => one.What == "lan: isolate db"));
        Task waiting = schedule.WaitAsync(cancellationToken: Token);

        await schedule.DisposeAsync();
        time.Advance(10 * Second);

        (await waiting.Awaiting(task => task).Should().ThrowAsync<ObjectDisposedException>()).WithMessage(
            "*'lan' was stopped*step * of 2*"
        );
        await schedule.Awaiting(one => one.WaitAsync(cancellationToken: Token)).Should().ThrowAsync<ObjectDisposedException>();
        two.Events().Should().NotContain(one => one.What == "lan: heal");
    }

    [Fact]
    public async Task A_wait_for_the_end_has_a_limit_and_names_the_step_that_is_not_done()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        var never = new TaskCompletionSource();
        await using NetworkSchedule schedule = two.Network.Schedule(
            NetworkStep.After(3 * Second, lan => lan.Heal()),
            NetworkStep.After(0 * Second, _ => never.Task)
        );

        Task end = schedule.WaitAsync(cancellationToken: Token);
        time.Advance(63 * Second);

        WaitTimeoutException thrown = (await end.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>()).Which;
        thrown.Summary.Should().EndWith("waited 63 s for the schedule of network 'lan' to end, in vain.");
        thrown.Message.Should().Contain("Last seen: step 1 of 2, after 0s, is not done");
        never.SetResult();
        await schedule.WaitAsync(cancellationToken: Token);
    }

    [Fact]
    public async Task A_step_that_does_not_come_back_holds_up_neither_the_cluster_nor_its_own_schedule_for_long()
    {
        await using var cluster = new Cluster(new ClusterSpec { ["a"] = new MachineSpec { Networks = ["lan"] } });
        ClusterNetwork lan = cluster.Networks["lan"];
        using var begun = new ManualResetEventSlim();
        using var never = new ManualResetEventSlim();
        NetworkSchedule schedule = lan.Schedule(NetworkStep.After(TimeSpan.Zero, _ =>
            {
                begun.Set();
                never.Wait();
            }));
        begun.Wait(Token);
        Task waiting = schedule.WaitAsync(cancellationToken: Token);

        await cluster.DisposeAsync().AsTask().WaitAsync(Enough, Token);

        await waiting.Awaiting(task => task).Should().ThrowAsync<ObjectDisposedException>();
        lan.Invoking(one => one.Schedule(NetworkStep.After(TimeSpan.Zero, _ => { }))).Should().Throw<ObjectDisposedException>();
        never.Set();
        await schedule.DisposeAsync().AsTask().WaitAsync(Enough, Token);
    }

    [Fact]
    public async Task A_step_that_blocks_is_left_behind_after_ten_seconds()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        var never = new TaskCompletionSource();
        NetworkSchedule schedule = two.Network.Schedule(NetworkStep.After(TimeSpan.Zero, _ => never.Task));

        Task disposal = schedule.DisposeAsync().AsTask();
        await AdvanceUntilAsync(time, disposal);

        await disposal;
        two.Events()
            .Should()
            .Contain(one => one.What == "lan: schedule: step 1 of 1, after 0s, takes more than 10 s and is not waited for");
        never.SetResult();
    }

    [Fact]
    public async Task What_is_no_schedule_is_refused()
    {
        await using var two = new NetworkOfTwo();

        two.Network.Invoking(lan => lan.Schedule()).Should().Throw<ArgumentException>().WithMessage("*NetworkStep.After*");
        foreach (TimeSpan time in (TimeSpan[])[-Second, TimeSpan.FromHours(25)])
            FluentActions
                .Invoking(() => NetworkStep.After(time, lan => lan.Heal()))
                .Should()
                .Throw<ArgumentOutOfRangeException>()
                .WithMessage("*24 hours*");
    }

    private static async Task AdvanceUntilAsync(ManualTime time, Task end)
    {
        while (!end.IsCompleted)
        {
            time.Advance(Second / 2);
            // A step is done on another thread.
            await Task.WhenAny(end, Task.Delay(20, Token));
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(5, Token);
    }
}
