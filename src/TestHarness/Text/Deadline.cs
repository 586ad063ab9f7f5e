namespace TestHarness.Text;

/// <summary>A limit of an operation: a token that fires when the time is over, or one of some other tokens does.</summary>
internal sealed class Deadline : IDisposable
{
    private readonly CancellationTokenSource _end;
    private readonly ITimer _timer;

    public Deadline(TimeProvider time, TimeSpan limit, CancellationToken[] others)
    {
        _end = others.Length == 0 ? new CancellationTokenSource() : CancellationTokenSource.CreateLinkedTokenSource(others);
        _timer = time.CreateTimer(_ => End(), null, limit, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token => _end.Token;

    /// <summary>Begins anew, where it has not ended.</summary>
    public void Renew(TimeSpan limit) => _timer.Change(limit, Timeout.InfiniteTimeSpan);

    /// <summary>Ends it before its time.</summary>
    public Task CancelAsync() => _end.CancelAsync();

    public void Dispose()
    {
        _timer.Dispose();
        _end.Dispose();
    }

    private void End()
    {
        try
        {
            _end.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Its operation ended at the same moment.
        }
    }
}
