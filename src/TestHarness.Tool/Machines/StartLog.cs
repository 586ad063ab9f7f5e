namespace TestHarness.Tool.Machines;

/// <summary>The steps of a start, for those who watch it, from the first one on.</summary>
internal sealed class StartLog : IProgress<StartProgress>
{
    private readonly Lock _gate = new();
    private readonly List<string> _steps = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Report(StartProgress value)
    {
        TaskCompletionSource told;
        lock (_gate)
        {
            if (_steps.Count > 0 && _steps[^1] == value.Step)
                return;
            _steps.Add(value.Step);
            told = _more;
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        told.SetResult();
    }

    /// <summary>Tells every step, until the start is over.</summary>
    public async Task FollowAsync(Func<string, Task> tell, Task started, CancellationToken cancellationToken)
    {
        for (int next = 0; ;)
        {
            bool over = started.IsCompleted;
            string[] steps;
            Task more;
            lock (_gate)
            {
                steps = [.. _steps.Skip(next)];
                more = _more.Task;
            }

            foreach (string step in steps)
                await tell(step);
            next += steps.Length;
            if (over)
                return;
            await Task.WhenAny(more, started).WaitAsync(cancellationToken);
        }
    }
}
