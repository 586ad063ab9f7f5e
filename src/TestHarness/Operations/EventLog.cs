namespace TestHarness.Operations;

/// <summary>
/// A machine's timeline, in bounded memory: the first entries, which tell how it began, and the last ones, which tell how it went wrong.
/// </summary>
internal sealed class EventLog(TimeProvider time)
{
    public const int First = 1_000;
    public const int Last = 9_000;

    private const int MaxText = 2_000;

    private readonly Lock _gate = new();
    private readonly List<MachineEvent> _first = [];
    private readonly Queue<MachineEvent> _last = [];
    private long _began = time.GetTimestamp();
    private long _dropped;

    /// <summary>Takes this moment as the start from which entries count.</summary>
    public void Begin()
    {
        lock (_gate)
            _began = time.GetTimestamp();
    }

    /// <summary>Notes what happened just now.</summary>
    public void Add(MachineEventKind kind, string what, TimeSpan? duration = null, string? outcome = null)
    {
        lock (_gate)
        {
            var entry = new MachineEvent(
                time.GetUtcNow(),
                time.GetElapsedTime(_began),
                kind,
                Cut(what),
                duration,
                outcome is null ? null : Cut(outcome)
            );
            if (_first.Count < First)
            {
                _first.Add(entry);
                return;
            }

            _last.Enqueue(entry);
            if (_last.Count > Last)
            {
                _last.Dequeue();
                _dropped++;
            }
        }
    }

    /// <summary>The entries in order; one of the kind <see cref="MachineEventKind.Dropped"/> stands where some are left out.</summary>
    public IReadOnlyList<MachineEvent> ToList()
    {
        lock (_gate)
        {
            if (_dropped == 0)
                return [.. _first, .. _last];
            MachineEvent next = _last.Peek();
            return
            [
                .. _first,
                new MachineEvent(next.Time, next.SinceStart, MachineEventKind.Dropped, $"{_dropped} entries are left out here"),
                .. _last,
            ];
        }
    }

    private static string Cut(string text) => text.Length <= MaxText ? text : $"{text.AsSpan(0, MaxText)}… ({text.Length} characters)";
}
