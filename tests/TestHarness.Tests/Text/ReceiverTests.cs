using System.Collections.Concurrent;
using FluentAssertions;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

[Fault(
    "A receiver of lines, of progress or of a metadata request blocks or throws.",
    "Limits, tokens, kills, the console and disposals still work. What the receiver throws comes out of its call, or "
        + "is in the timeline, once.",
    "BlockingReceiverTests"
)]
public sealed class ReceiverTests : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private readonly ManualResetEventSlim _open = new(initialState: true);
    private readonly List<string> _received = [];
    private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // A call that a test has left blocked ends.
    public void Dispose() => _open.Set();

    [Fact]
    public async Task Is_told_everything_in_order_one_at_a_time_and_not_on_the_thread_that_tells()
    {
        int inside = 0;
        int together = 0;
        var threads = new HashSet<int>();
        Receiver<string> receiver = Make(_ =>
        {
            together = Math.Max(together, Interlocked.Increment(ref inside));
            threads.Add(Environment.CurrentManagedThreadId);
            Interlocked.Decrement(ref inside);
        });
        string[] items = [.. Enumerable.Range(0, 3 * Receiver<string>.MaxItems).Select(i => $"{i}")];

        await Task.Factory.StartNew(Tell, Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await receiver.FinishAsync(Token);

        _received.Should().Equal(items);
        together.Should().Be(1);

        void Tell()
        {
            foreach (string item in items)
                receiver.WriteAsync(item, Token).AsTask().Wait(Token);
            threads.Should().NotContain(Environment.CurrentManagedThreadId);
        }
    }

    [Fact]
    public async Task Is_called_in_the_context_of_who_gave_it()
    {
        var local = new AsyncLocal<string> { Value = "who gave it" };
        string? seen = null;
        Receiver<string> receiver = Make(_ => seen = local.Value);
        local.Value = "who tells";

        receiver.Offer("one");
        await receiver.FinishAsync(Token);

        seen.Should().Be("who gave it");
    }

    [Fact]
    public async Task Blocks_no_other_and_leaves_its_thread_to_the_next()
    {
        Receiver<string> blocked = MakeBlocked();
        blocked.Offer("first");
        await _entered.Task.WaitAsync(Bound, Token);
        var threads = new ConcurrentDictionary<int, bool>();

        // Other tests' receivers may take one in between.
        for (int i = 0; i < 100; i++)
        {
            var other = new Receiver<string>(_ => threads[Environment.CurrentManagedThreadId] = true, _ => 1)
            {
                ForMissed = (_, last) => last,
            };
            other.Offer("told");
            await other.FinishAsync(Token).WaitAsync(Bound, Token);
        }

        threads.Should().HaveCountLessThan(50);
    }

    [Fact]
    public async Task Holds_who_writes_until_there_is_room_or_the_token_fires()
    {
        Receiver<string> receiver = MakeBlocked();
        await FillAsync(receiver);
        using var cancel = new CancellationTokenSource();

        Task late = receiver.WriteAsync("late", cancel.Token).AsTask();
        late.IsCompleted.Should().BeFalse();
        await cancel.CancelAsync();
        await late.Awaiting(it => it.WaitAsync(Bound, Token)).Should().ThrowAsync<OperationCanceledException>();

        Task next = receiver.WriteAsync("next", Token).AsTask();
        _open.Set();
        await next.WaitAsync(Bound, Token);
        await receiver.FinishAsync(Token);
        (_received[^1], _received.Count).Should().Be(("next", Receiver<string>.MaxItems + 2));
    }

    [Fact]
    public async Task Says_how_many_it_has_missed_of_what_could_not_wait()
    {
        Receiver<string> receiver = MakeBlocked();
        await FillAsync(receiver);

        receiver.Offer("one too many");
        receiver.Offer("two too many");
        _open.Set();
        await receiver.FinishAsync(Token);

        _received[^1].Should().Be("2 missed, the last: two too many");
    }

    [Fact]
    public async Task Bounds_what_waits_by_its_size()
    {
        Receiver<string> receiver = MakeBlocked();
        string large = new('x', Receiver<string>.MaxSize / 4);
        receiver.Offer("first");
        await _entered.Task.WaitAsync(Bound, Token);

        for (int i = 0; i < 10; i++)
            receiver.Offer(large);
        _open.Set();
        await receiver.FinishAsync(Token);

        _received.Skip(1).Should().Equal(large, large, large, large, $"6 missed, the last: {large}");
    }

    [Fact]
    public async Task Is_not_called_again_once_it_has_thrown()
    {
        Receiver<string> receiver = Make(item => _ = item == "bad" ? throw new FormatException("not this one") : true);

        receiver.Offer("good");
        receiver.Offer("bad");
        receiver.Offer("never");
        await receiver.FinishAsync(Token);
        await receiver.WriteAsync("never", Token);

        receiver.Failed.IsCancellationRequested.Should().BeTrue();
        receiver.Failure!.SourceException.Should().BeOfType<FormatException>();
        _received.Should().Equal("good", "bad");
    }

    [Fact]
    public async Task Is_waited_for_a_moment_only_by_who_does_not_depend_on_it()
    {
        var time = new ManualTime();
        Receiver<string> receiver = MakeBlocked(time);
        receiver.Offer("first");
        await _entered.Task.WaitAsync(Bound, Token);

        time.Advance(TimeSpan.FromSeconds(2));

        await receiver.SettleAsync().WaitAsync(Bound, Token);
        _received.Should().Equal("first");
    }

    [Fact]
    public async Task Is_waited_for_where_it_has_only_just_been_told()
    {
        var time = new ManualTime();
        Receiver<string> receiver = Make(_ => { }, time);

        for (int round = 1; round <= 100; round++)
        {
            time.Advance(TimeSpan.FromHours(1));
            receiver.Offer("once more");
            await receiver.SettleAsync();
            _received.Should().HaveCount(round);
        }
    }

    [Fact]
    public async Task Holds_nobody_once_it_is_released()
    {
        Receiver<string> receiver = MakeBlocked();
        await FillAsync(receiver);
        Task write = receiver.WriteAsync("late", Token).AsTask();
        Task finish = receiver.FinishAsync(Token);

        receiver.Release();

        await Task.WhenAll(write, finish).WaitAsync(Bound, Token);
    }

    [Fact]
    public async Task Is_told_nothing_more_once_it_is_abandoned()
    {
        Receiver<string> receiver = MakeBlocked();
        await FillAsync(receiver);

        receiver.Abandon();
        _open.Set();
        await receiver.FinishAsync(Token).WaitAsync(Bound, Token);

        _received.Should().Equal("first");
    }

    private Receiver<string> MakeBlocked(TimeProvider? time = null)
    {
        _open.Reset();
        return Make(
            _ =>
            {
                _entered.TrySetResult();
                _open.Wait();
            },
            time
        );
    }

    private Receiver<string> Make(Action<string> then, TimeProvider? time = null) =>
        new(
            item =>
            {
                _received.Add(item);
                then(item);
            },
            item => item.Length
        )
        {
            ForMissed = (count, last) => $"{count} missed, the last: {last}",
            Time = time ?? TimeProvider.System,
        };

    // One that the receiver is called with, and as many as may wait.
    private async Task FillAsync(Receiver<string> receiver)
    {
        receiver.Offer("first");
        await _entered.Task.WaitAsync(Bound, Token);
        for (int i = 0; i < Receiver<string>.MaxItems; i++)
            receiver.Offer($"{i}");
    }
}
