using System.Runtime.ExceptionServices;
using TestHarness.Text;

namespace TestHarness;

/// <summary>Changes of a network that are under way, each at its time (<see cref="ClusterNetwork.Schedule"/>).</summary>
public sealed class NetworkSchedule : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    private readonly ClusterNetwork _network;
    private readonly NetworkStep[] _steps;
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly CancellationTokenSource _stop;
    private readonly Task _run;
    private volatile Task _step = Task.CompletedTask;
    private volatile int _at;
    private volatile ExceptionDispatchInfo? _failure;
    private volatile bool _isTold;
    private bool _isDisposed;

    internal NetworkSchedule(ClusterNetwork network, NetworkStep[] steps, TimeProvider time, CancellationToken ended)
    {
        (_network, _steps, _time, _began) = (network, steps, time, time.GetTimestamp());
        _stop = CancellationTokenSource.CreateLinkedTokenSource(ended);
        _run = RunAsync(_stop.Token);
    }

    private string Next => $"step {_at + 1} of {_steps.Length}, after {DurationText.Write(_steps[Math.Min(_at, _steps.Length - 1)].Time)}";

    /// <summary>Waits until all steps are done.</summary>
    /// <param name="timeout">The limit. Default: 1 minute behind the last step's time.</param>
    /// <param name="cancellationToken">Ends the wait; the schedule goes on.</param>
    /// <returns>A task that ends with the last step. What a step has thrown, it throws; the steps behind that one are not done.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out; the schedule goes on.</exception>
    /// <exception cref="ObjectDisposedException">The schedule was disposed before its end, or the cluster was.</exception>
    public Task WaitAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        TimeSpan left = _steps[^1].Time - _time.GetElapsedTime(_began);
        return _network.GuardAsync(
            $"the schedule of network '{_network.Name}' to end",
            machine: null,
            timeout ?? (left > TimeSpan.Zero ? left : TimeSpan.Zero) + Grace,
            WaitForEndAsync,
            () => $"{Next}, is not done",
            cancellationToken
        );
    }

    /// <summary>
    /// Stops the schedule: steps that have not begun are not done, and one that has is waited for, 10 seconds at most. The network stays as
    /// it is. What a step has thrown before comes out here, unless <see cref="WaitAsync"/> has thrown it.
    /// </summary>
    /// <returns>A task that ends when nothing is done any more.</returns>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_step.IsCompleted && !await _time.EndsWithinAsync(_step, Patience).ConfigureAwait(false))
            _network.Note($"schedule: {Next}, takes more than {Patience.TotalSeconds} s and is not waited for");
        _stop.Dispose();
        if (!_isTold)
            Tell();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        while (_at < _steps.Length && _failure is null)
        {
            TimeSpan left = _steps[_at].Time - _time.GetElapsedTime(_began);
            if (left > TimeSpan.Zero)
                await _time.Delay(left, stop).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            // Apart, for it is a user's code: the end of the schedule or of the cluster does not wait for it.
            _step = BlockingThreads.RunAsync(() => DoAsync(_at, stop)).Unwrap();
            await _step.WaitAsync(stop).ConfigureAwait(false);
        }
    }

    // Throws nothing: an exception may look like the end of the schedule.
    private async Task DoAsync(int index, CancellationToken stop)
    {
        string step = Next;
        _network.Note($"schedule: {step}");
        try
        {
            await _steps[index].Change(_network).ConfigureAwait(false);
            _at = index + 1;
        }
        catch (Exception e)
        {
            // What fails because all ends is no news to who ends it.
            if (!stop.IsCancellationRequested)
                _failure = ExceptionDispatchInfo.Capture(e);
            _network.Note($"schedule: {step}", e);
        }
    }

    private async Task<bool> WaitForEndAsync(CancellationToken cancellationToken)
    {
        await _run.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_run.IsCompleted)
            throw new OperationCanceledException(cancellationToken);
        Tell();
        if (_run.IsCanceled)
            throw new ObjectDisposedException(
                nameof(NetworkSchedule),
                $"The schedule of network '{_network.Name}' was stopped before its end. Not done: {Next}"
            );
        return true;
    }

    private void Tell()
    {
        if (_failure is not { } failure)
            return;
        _isTold = true;
        failure.Throw();
    }
}
