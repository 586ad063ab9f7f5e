using TestHarness.Text;

namespace TestHarness.Hosts;

// Whose turn it is: one look at the folder at a time, under its lock.
internal sealed partial class Ledger
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Processes hold the folder's lock for a fraction of a millisecond.
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();

    // Those of this process who wait, in the order of their tickets, and the change up to which they have been served.
    private readonly List<Turn> _queue = [];
    private long _served;

    private async Task<bool> TryAsync(Turn turn, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (Try(turn) is { } granted)
                return granted;
            await Clock.System.Delay(BetweenTries, cancellationToken).ConfigureAwait(false);
        }
    }

    // Takes the share, or else a place in the queue; nothing where another process has the folder's lock.
    private bool? Try(Turn turn)
    {
        lock (_gate)
        {
            // A change wakes all who wait. The first one looks, and serves the others as well.
            long change = _watch.Changes;
            bool waits = turn.File is not null;
            if (turn.IsGranted || (waits && _served == change))
                return turn.IsGranted;

            Directory.CreateDirectory(_folder, Private);
            using FileLock? exclusive = FileLock.TryTake(LockPath);
            if (exclusive is null)
                return null;
            List<LedgerEntry> entries = Scan();
            foreach (Turn served in waits ? [.. _queue] : (Turn[])[turn])
                Serve(served, entries);
            if (waits)
                _served = change;
            return turn.IsGranted;
        }
    }

    // Keeps the entries up to date, for the next one.
    private void Serve(Turn turn, List<LedgerEntry> entries)
    {
        if (turn.IsGranted)
            return;
        var state = new LedgerState(_budget, entries);
        turn.Verdict = state.Judge(turn.Request, turn.File?.Ticket ?? long.MaxValue);
        if (turn.Verdict.IsGranted)
        {
            foreach (LedgerEntry passed in turn.Verdict.Passed)
            {
                LedgerFile.Rewrite(passed);
                entries[entries.FindIndex(entry => entry.Path == passed.Path)] = passed;
            }

            entries.RemoveAll(entry => entry.Path == turn.File?.Path);
            if (turn.File is null)
                turn.File = LedgerFile.CreateTaken(_folder, turn.Request);
            else
                turn.File.BecomeTaken();
            turn.IsGranted = true;
            entries.Add(new LedgerEntry(turn.File.Path, Environment.ProcessId, turn.Request));
        }
        else if (turn.File is null)
        {
            turn.File = LedgerFile.CreateWaiting(_folder, turn.Request, state.NextTicket);
            _queue.Add(turn);
        }
    }

    private bool Leave(Turn turn)
    {
        lock (_gate)
        {
            _queue.Remove(turn);
            return turn.IsGranted;
        }
    }

    private List<LedgerEntry> Scan()
    {
        var entries = new List<LedgerEntry>();
        foreach (string path in Directory.EnumerateFiles(_folder))
        {
            bool isEntry =
                path.EndsWith(LedgerFile.Taken, StringComparison.Ordinal) || path.EndsWith(LedgerFile.Waiting, StringComparison.Ordinal);
            if (isEntry && LedgerFile.ReadOrSweep(path) is { } entry)
                entries.Add(entry);
        }

        return entries;
    }

    // For those who wait: sweeps, and sums up who is there.
    private int? Look()
    {
        lock (_gate)
        {
            using FileLock? exclusive = FileLock.TryTake(LockPath);
            return exclusive is null ? null : Scan().Aggregate(0, (sum, entry) => sum ^ entry.Path.GetHashCode(StringComparison.Ordinal));
        }
    }

    private sealed class Turn(LedgerRequest request)
    {
        public LedgerRequest Request => request;

        public LedgerVerdict? Verdict { get; set; }

        public LedgerFile? File { get; set; }

        public bool IsGranted { get; set; }
    }
}
