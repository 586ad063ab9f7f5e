namespace TestHarness.Hosts;

/// <summary>Who holds and who waits at one moment, and whose turn it is. Pure.</summary>
internal sealed class LedgerState(LedgerBudget budget, IEnumerable<LedgerEntry> entries)
{
    /// <summary>
    /// How often one that waits may be passed by later ones that fit where it does not. Some, because a test that holds one machine and
    /// asks for a second gives nothing back until it has it; not many, because one that wants much would never get it.
    /// </summary>
    public const int MostPasses = 8;

    private readonly LedgerEntry[] _holders = [.. entries.Where(entry => !entry.IsWaiting)];
    private readonly LedgerEntry[] _waiting = [.. entries.Where(entry => entry.IsWaiting).OrderBy(entry => entry.Ticket)];

    public long NextTicket => _waiting.Length > 0 ? _waiting[^1].Ticket + 1 : 1;

    /// <summary>Tells whether a request may be granted now.</summary>
    /// <param name="request">The request.</param>
    /// <param name="ticket">Its place in the queue; a new one has none and stands behind all.</param>
    public LedgerVerdict Judge(LedgerRequest request, long ticket = long.MaxValue)
    {
        var use = new LedgerUse(budget);
        foreach (LedgerEntry holder in _holders)
            use.Add(holder.Request);

        LedgerEntry[] ahead = [.. _waiting.Where(entry => entry.Ticket < ticket)];
        var passed = new List<LedgerEntry>();
        bool mayPass = true;
        foreach (LedgerEntry entry in ahead.TakeWhile(_ => mayPass))
        {
            // One that fits has been woken and is about to take its share, which therefore is not free: the order does not hang on who
            // wakes first.
            if (use.Fits(entry.Request))
                use.Add(entry.Request);
            else if (entry.Passed < MostPasses)
                passed.Add(entry with { Passed = entry.Passed + 1 });
            else
                mayPass = false;
        }

        return new LedgerVerdict
        {
            IsGranted = mayPass && use.Fits(request),
            Budget = budget,
            WantedMiB = use.MemoryFor(request),
            FreeMiB = Math.Max(0, budget.MemoryMiB - use.MemoryMiB),
            FreeCpus = Math.Max(0, budget.Cpus - use.Cpus),
            Holders = _holders,
            Ahead = ahead,
            Passed = passed,
        };
    }
}

/// <summary>Whether a request is granted, and what for.</summary>
internal sealed record LedgerVerdict
{
    public required bool IsGranted { get; init; }

    public required LedgerBudget Budget { get; init; }

    /// <summary>The memory that the request adds: without what it shares with a machine that runs already.</summary>
    public required long WantedMiB { get; init; }

    public required long FreeMiB { get; init; }

    public required long FreeCpus { get; init; }

    public required IReadOnlyList<LedgerEntry> Holders { get; init; }

    /// <summary>Those who wait and came earlier.</summary>
    public required IReadOnlyList<LedgerEntry> Ahead { get; init; }

    /// <summary>Those of them that are passed if the request is granted, with the new count.</summary>
    public required IReadOnlyList<LedgerEntry> Passed { get; init; }
}

/// <summary>Adds up shares, with shared memory counted once.</summary>
internal sealed class LedgerUse(LedgerBudget budget)
{
    private readonly Dictionary<string, int> _shared = new(StringComparer.Ordinal);

    public long MemoryMiB { get; private set; }

    public long Cpus { get; private set; }

    public bool Fits(LedgerRequest request) => MemoryMiB + MemoryFor(request) <= budget.MemoryMiB && Cpus + request.Cpus <= budget.Cpus;

    public long MemoryFor(LedgerRequest request) => (long)request.MemoryMiB + SharedBeyond(request);

    public void Add(LedgerRequest request)
    {
        MemoryMiB += MemoryFor(request);
        Cpus += request.Cpus;
        if (request.SharedKey is { } key)
            _shared[key] = Math.Max(request.SharedMiB, _shared.GetValueOrDefault(key));
    }

    private int SharedBeyond(LedgerRequest request) =>
        request.SharedKey is { } key ? Math.Max(0, request.SharedMiB - _shared.GetValueOrDefault(key)) : 0;
}
