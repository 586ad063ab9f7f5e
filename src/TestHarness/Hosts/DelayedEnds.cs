using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// What was given back and lives on until a test's result is known: few at a time, and none while somebody waits for room on the host. The
/// oldest goes first.
/// </summary>
/// <param name="isRoomWanted">Tells whether somebody waits, in this process or another one.</param>
/// <param name="time">The time between two looks.</param>
internal sealed class DelayedEnds(Func<bool> isRoomWanted, TimeProvider time)
{
    // A test that makes one machine after the other must not fill the host with those that it has disposed.
    public const int Most = 4;

    public static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly List<(object Of, Func<Task> End)> _all = [];
    private Task _watch = Task.CompletedTask;

    /// <summary>Those of this process's machines.</summary>
    public static DelayedEnds OfMachines { get; } = new(() => Ledger.Default.IsWaitedFor, Clock.System);

    /// <summary>Adds one; ends the oldest where there are too many, and waits for that.</summary>
    public async Task AddAsync(object of, Func<Task> end)
    {
        Func<Task>? oldest = null;
        lock (_gate)
        {
            _all.Add((of, end));
            if (_all.Count > Most)
            {
                oldest = _all[0].End;
                _all.RemoveAt(0);
            }

            if (_watch.IsCompleted)
                _watch = Task.Run(WatchAsync);
        }

        if (oldest is not null)
            await oldest().ConfigureAwait(false);
    }

    /// <summary>Forgets one that ends in another way, or that nobody may end now.</summary>
    public void Remove(object of)
    {
        lock (_gate)
            _all.RemoveAll(one => ReferenceEquals(one.Of, of));
    }

    private async Task WatchAsync()
    {
        while (true)
        {
            await Task.Delay(BetweenLooks, time).ConfigureAwait(false);
            bool isWanted = isRoomWanted();
            Func<Task>[] ends = [];
            lock (_gate)
            {
                if (_all.Count == 0)
                {
                    _watch = Task.CompletedTask;
                    return;
                }

                if (isWanted)
                {
                    ends = [.. _all.Select(one => one.End)];
                    _all.Clear();
                }
            }

            // What one throws is told by who ends it in another way.
            foreach (Func<Task> end in ends)
                await Task.Run(end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
