namespace TestHarness.Hosts;

/// <summary>
/// Tells those of this process who wait that something in the ledger's folder was given back: by inotify, and by looking now and then,
/// because the files of a killed owner stay until somebody sweeps them, and because inotify may be used up (max_user_instances). Costs
/// nothing while nobody waits.
/// </summary>
/// <param name="folder">The ledger's folder.</param>
/// <param name="look">Sweeps, and returns a figure that changes with what is there; <see langword="null"/> where it could not look.</param>
internal sealed class LedgerWatch(string folder, Func<int?> look)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action? _end;
    private int _waiting;
    private long _changes;

    /// <summary>Counts the changes.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    /// <summary>Gets a task for the next change. Take it before looking whether there is something left to wait for.</summary>
    public Task NextChange
    {
        get
        {
            lock (_gate)
                return _change.Task;
        }
    }

    /// <summary>Watches until <see cref="Stop"/> was called as often.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_waiting++ > 0)
                return;
            _end = Listen();
            // There may have been changes while nobody watched.
            Interlocked.Increment(ref _changes);
        }
    }

    public void Stop()
    {
        Action? end = null;
        lock (_gate)
        {
            if (--_waiting == 0)
                (end, _end) = (_end, null);
        }

        end?.Invoke();
    }

    private void Tell()
    {
        lock (_gate)
        {
            Interlocked.Increment(ref _changes);
            _change.SetResult();
            _change = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private Action Listen()
    {
        FileSystemWatcher? watcher = TryWatch();
        var looker = new Looker(look, Tell);
        var timer = new Timer(_ => looker.Look(), null, BetweenLooks, BetweenLooks);
        return () =>
        {
            timer.Dispose();
            watcher?.Dispose();
        };
    }

    private FileSystemWatcher? TryWatch()
    {
        FileSystemWatcher? watcher = null;
        try
        {
            // Removals only: a new file or a ticket that becomes a share gives nobody room.
            watcher = new FileSystemWatcher(folder) { NotifyFilter = NotifyFilters.FileName };
            watcher.Deleted += (_, _) => Tell();
            watcher.Error += (_, _) => Tell();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            // No inotify instance left: looking now and then has to do.
            watcher?.Dispose();
            return null;
        }
    }

    private sealed class Looker(Func<int?> look, Action tell)
    {
        private int? _seen;
        private int _looking;

        public void Look()
        {
            if (Interlocked.Exchange(ref _looking, 1) != 0)
                return;
            try
            {
                int? now = look();
                if (now is not null && now != _seen)
                    tell();
                _seen = now ?? _seen;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Those who wait look for themselves, and report it.
                tell();
            }
            finally
            {
                Volatile.Write(ref _looking, 0);
            }
        }
    }
}
