using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace TestHarness.Text;

/// <summary>
/// Calls what a user gave for being told (of lines, of progress) apart from what tells it: on a thread that does nothing else meanwhile,
/// in order, never two calls at a time. Who tells waits for room, or goes on and has what was missed counted. A receiver that blocks holds
/// only this thread, and one that throws is not called again.
/// </summary>
/// <param name="receive">The user's.</param>
/// <param name="size">How much an item counts, in characters.</param>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "Neither holds anything of the system's; who waits may outlive who tells."
)]
internal sealed class Receiver<T>(Action<T> receive, Func<T, int> size)
{
    /// <summary>So many items wait for the receiver at most.</summary>
    public const int MaxItems = 4096;

    /// <summary>So large are those that wait at most, together.</summary>
    public const int MaxSize = 4 * 1024 * 1024;

    // Who does not depend on the receiver waits for it no longer than that.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Queue<T> _waiting = [];
    private readonly CancellationTokenSource _failed = new();
    private readonly ExecutionContext? _context = ExecutionContext.Capture();
    private TaskCompletionSource _moved = NewSignal();
    private bool _wanted;
    private long _waitingSize;
    private long _missed;
    private T? _lastMissed;
    private long _calledAt;
    private bool _busy;
    private bool _released;
    private bool _over;

    /// <summary>Makes what is handed on in place of items that were missed: of how many there were, and the last of them.</summary>
    public required Func<long, T, T> ForMissed { get; init; }

    /// <summary>Gets the clock for what is waited for here.</summary>
    public TimeProvider Time { get; init; } = Clock.System;

    /// <summary>Fires when the receiver has thrown.</summary>
    public CancellationToken Failed => _failed.Token;

    /// <summary>Gets what the receiver has thrown, which is the user's own and comes out as it is.</summary>
    public ExceptionDispatchInfo? Failure { get; private set; }

    /// <summary>Takes an item, and waits for room where the receiver is slower.</summary>
    public async ValueTask WriteAsync(T item, CancellationToken cancellationToken)
    {
        while (!TryAdd(item, mayMiss: false, out Task moved))
            await moved.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes an item without waiting; where there is no room, the receiver misses it.</summary>
    public void Offer(T item) => TryAdd(item, mayMiss: true, out _);

    /// <summary>
    /// Waits until all was handed on; only for a moment where the receiver was released. Does not throw what the receiver has thrown.
    /// </summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        while (IsBusy(out Task moved))
        {
            if (_released)
            {
                await SettleAsync().ConfigureAwait(false);
                return;
            }

            await moved.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Waits for a moment, so that all was handed on unless the receiver is slow. One that has not come back for longer is not waited for
    /// again.
    /// </summary>
    public async Task SettleAsync()
    {
        if (IsBusy(out _) && Time.GetElapsedTime(Volatile.Read(ref _calledAt)) > Patience)
            return;
        using var limit = new CancellationTokenSource(Patience, Time);
        while (IsBusy(out Task moved) && !limit.IsCancellationRequested)
            await moved.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>From now on nobody waits for the receiver: what it has no room for is missed.</summary>
    public void Release() => Change(() => _released = true);

    /// <summary>Hands nothing on any more.</summary>
    public void Abandon() => Change(() => _over = true);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool TryAdd(T item, bool mayMiss, out Task moved)
    {
        lock (_gate)
        {
            moved = _moved.Task;
            if (_over)
                return true;
            if (_waiting.Count >= MaxItems || (_waiting.Count > 0 && _waitingSize + size(item) > MaxSize))
            {
                _wanted = true;
                if (!mayMiss && !_released)
                    return false;
                _missed++;
                _lastMissed = item;
                return true;
            }

            AddMissed();
            Add(item);
            return true;
        }
    }

    private void AddMissed()
    {
        if (_missed > 0)
            Add(ForMissed(_missed, _lastMissed!));
        _missed = 0;
    }

    private void Add(T item)
    {
        _waiting.Enqueue(item);
        _waitingSize += size(item);
        if (_busy)
            return;
        Volatile.Write(ref _calledAt, Time.GetTimestamp());
        _busy = true;
        BlockingThreads.Run(Run);
    }

    // With the context of who gave the receiver, as a thread of its own would have.
    private void Run()
    {
        if (_context is null)
            HandOn();
        else
            ExecutionContext.Run(_context, _ => HandOn(), null);
    }

    private void HandOn()
    {
        while (TryTake(out T? item))
        {
            try
            {
                receive(item!);
            }
            catch (Exception e)
            {
                Failure = ExceptionDispatchInfo.Capture(e);
                Abandon();
                _failed.Cancel();
            }
        }
    }

    // False: nothing is left, or nothing is to be handed on any more.
    private bool TryTake(out T? item)
    {
        lock (_gate)
        {
            if (_waiting.Count == 0)
                AddMissed();
            bool taken = _waiting.TryDequeue(out item) && !_over;
            if (taken)
            {
                _waitingSize -= size(item!);
                Volatile.Write(ref _calledAt, Time.GetTimestamp());
            }

            _busy = taken;
            // Not for each item: who waits for room wants to add more than one.
            if (!taken || (_waiting.Count < MaxItems / 2 && _waitingSize < MaxSize / 2))
                Tell();
            return taken;
        }
    }

    private bool IsBusy(out Task moved)
    {
        lock (_gate)
        {
            moved = _moved.Task;
            _wanted = true;
            return _busy && !_over;
        }
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            Tell();
        }
    }

    // Wakes those who wait; that goes on elsewhere, not in here.
    private void Tell()
    {
        if (!_wanted)
            return;
        _moved.TrySetResult();
        _moved = NewSignal();
        _wanted = false;
    }
}
