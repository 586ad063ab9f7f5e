namespace TestHarness.Tool.Machines;

/// <summary>The steps of a start, for those who watch it, from the first one on.</summary>
internal sealed class StartLog(IProgress<StartProgress>? next = null) : IProgress<StartProgress>
{
    private readonly Lock _gate = new();
    private readonly List<string> _steps = [];
    private StartProgress? _latest;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Report(StartProgress value)
    {
        next?.Report(value);
        TaskCompletionSource told;
        lock (_gate)
        {
            if (_latest == value)
                return;
            if (_latest?.Step != value.Step)
                _steps.Add(value.Step);
            _latest = value;
            told = _more;
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        told.SetResult();
    }

    /// <summary>Tells every step and, as often as they are taken, how far the present one is, until the start is over.</summary>
    public async Task FollowAsync(
        Func<string, Task> tell,
        Func<StartProgress, Task> tellHowFar,
        Task started,
        CancellationToken cancellationToken
    )
    {
        for (int first = 0; ; )
        {
            bool over = started.IsCompleted;
            string[] steps;
            StartProgress? latest;
            Task more;
            lock (_gate)
            {
                steps = [.. _steps.Skip(first)];
                latest = _latest;
                more = _more.Task;
            }

            foreach (string step in steps)
                await tell(step);
            if (latest is not (null or { Detail: null, Fraction: null }))
                await tellHowFar(latest);
            first += steps.Length;
            if (over)
                return;
            await Task.WhenAny(more, started).WaitAsync(cancellationToken);
        }
    }
}
