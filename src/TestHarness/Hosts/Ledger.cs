using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// The book of what machines take of the host: those of all processes of a user share one budget of memory and virtual CPUs, so that tests
/// can run side by side without counting. A folder with one file for each share that is taken, locked by its owner, and one for each
/// request that waits.
/// </summary>
internal sealed partial class Ledger
{
    public const string FolderName = "ledger";

    // Not cached where it fails: the reason may be a variable or a folder that somebody puts right.
    private static readonly Lazy<Ledger> OfUser = new(
        () => new Ledger(Path.Combine(RunFolder.ForUser(), FolderName), LedgerBudget.OfHost()),
        LazyThreadSafetyMode.PublicationOnly
    );

    // A cluster's start may build an image.
    private static readonly TimeSpan LongestMany = TimeSpan.FromHours(1);

    private readonly string _folder;
    private readonly LedgerBudget _budget;
    private readonly LedgerWatch _watch;

    public Ledger(string folder, LedgerBudget budget)
    {
        _folder = folder;
        _budget = budget;
        _watch = new LedgerWatch(folder, Look);
    }

    /// <summary>The one that all processes of this user share.</summary>
    public static Ledger Default => OfUser.Value;

    /// <summary>Tells whether anybody waits for a share, in any process of the user.</summary>
    public bool IsWaitedFor
    {
        get
        {
            try
            {
                return Directory.EnumerateFiles(_folder, $"*{LedgerFile.Waiting}").Any();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Nobody has taken anything yet, or the folder is gone: then there is no queue.
                return false;
            }
        }
    }

    private string LockPath => Path.Combine(_folder, "lock");

    /// <summary>Takes a share of the host, in order of arrival; waits while it does not fit.</summary>
    /// <param name="request">What to take.</param>
    /// <param name="limit">How long to wait at most.</param>
    /// <param name="onWait">Told once for whom it waits, if it does.</param>
    /// <param name="cancellationToken">Ends the wait and leaves nothing of it.</param>
    /// <returns>The share; disposing it gives it back.</returns>
    /// <exception cref="HostNotReadyException">It is more than the whole budget, or <paramref name="limit"/> ran out.</exception>
    public async Task<IDisposable> TakeAsync(
        LedgerRequest request,
        TimeSpan limit,
        Action<string>? onWait,
        CancellationToken cancellationToken
    )
    {
        RequireRoom(request);
        cancellationToken.ThrowIfCancellationRequested();
        using Deadline deadline = Clock.System.Limit(limit, cancellationToken);
        var turn = new Turn(request);
        bool returned = false;
        try
        {
            if (!await TryAsync(turn, deadline.Token).ConfigureAwait(false))
            {
                onWait?.Invoke(LedgerText.Waiting(request, turn.Verdict!));
                await WaitAsync(turn, deadline.Token).ConfigureAwait(false);
            }

            returned = true;
            return turn.File!;
        }
        catch (OperationCanceledException) when (deadline.Token.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // It may have been served at the last moment.
            if (Leave(turn))
            {
                returned = true;
                return turn.File!;
            }

            throw turn.Verdict is { } verdict ? LedgerText.OutOfTime(request, limit, verdict) : LedgerText.Locked(request, limit, LockPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RunFolder.NotUsable(Path.GetDirectoryName(_folder)!, e.Message, e);
        }
        finally
        {
            Leave(turn);
            if (!returned)
                turn.File?.Dispose();
        }
    }

    /// <summary>Refuses what the host could not give if nobody else had anything.</summary>
    /// <exception cref="HostNotReadyException">It is more than the whole budget.</exception>
    public void RequireRoom(LedgerRequest request)
    {
        if (!new LedgerUse(_budget).Fits(request))
            throw LedgerText.TooLarge(request, _budget);
    }

    /// <summary>
    /// Makes the caller the only one that takes the shares of several machines, until it disposes what is returned: two who each hold a
    /// part of the host would wait for each other.
    /// </summary>
    /// <param name="onWait">Told once, if somebody else does so.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="HostNotReadyException">Somebody else does so for an hour.</exception>
    public async Task<FileLock> BeginManyAsync(Action? onWait, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_folder, Private);
        using Deadline limit = Clock.System.Limit(LongestMany, cancellationToken);
        try
        {
            return await FileLock.TakeFolderAsync(_folder, onWait, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw LedgerText.Occupied(LongestMany, _folder);
        }
    }

    private async Task WaitAsync(Turn turn, CancellationToken cancellationToken)
    {
        _watch.Start();
        try
        {
            while (true)
            {
                Task change = _watch.NextChange;
                if (await TryAsync(turn, cancellationToken).ConfigureAwait(false))
                    return;
                cancellationToken.ThrowIfCancellationRequested();
                await change.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _watch.Stop();
        }
    }
}
