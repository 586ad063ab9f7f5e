namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan PauseLimit = TimeSpan.FromMinutes(1);

    // Who stops the guest's processors or lets them go on does so alone.
    private readonly SemaphoreSlim _standing = new(1, 1);

    // Whether a guest that stands still was put back to a checkpoint meanwhile.
    private bool _rolledBack;

    /// <summary>
    /// Makes the guest stand still: its processors execute nothing, its memory stays. Does nothing where it does so already. Commands wait until it goes on.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the guest comes to stand still all the same.</param>
    /// <returns>A task that ends when it stands still.</returns>
    /// <exception cref="InvalidOperationException">The machine was not started, or is on its way up.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task PauseAsync(CancellationToken cancellationToken = default) =>
        State is MachineState.Starting
            ? throw new InvalidOperationException($"Machine '{Name}' can't be paused while it is {MachineState.Starting}: wait for {nameof(StartAsync)}.")
            : StandStillAsync("the guest to pause", cancellationToken);

    /// <summary>Lets a paused guest go on, with the clock and random state of now.</summary>
    /// <param name="cancellationToken">Ends the wait; the guest goes on all the same.</param>
    /// <returns>A task that ends when the guest answers.</returns>
    /// <exception cref="InvalidOperationException">The machine is not paused.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) =>
        State is MachineState.Paused or MachineState.Stopped
            ? GoOnAsync("a paused guest to go on", cancellationToken)
            : throw new InvalidOperationException($"Machine '{Name}' is not paused (it is {State}): call {nameof(PauseAsync)} first.");

    private Task<bool> StandStillAsync(string what, CancellationToken cancellationToken) => _operations.GuardAsync(
        what,
        _operations.Scaled(PauseLimit),
        async token =>
        {
            await _life.Returned.WaitAsync(token).ConfigureAwait(false);
            return await CarryThroughAsync(StandStillAsync, token).ConfigureAwait(false);
        },
        cancellationToken);

    private async Task StandStillAsync(CancellationToken cancellationToken)
    {
        if (State == MachineState.Paused)
            return;
        await Monitor.ExecuteLongAsync("stop", null, cancellationToken).ConfigureAwait(false);
        _life.TryMove(MachineState.Running, MachineState.Paused);
    }

    private Task<bool> GoOnAsync(string what, CancellationToken cancellationToken) => _operations.GuardAsync(
        what,
        _operations.Scaled(PauseLimit),
        async token =>
        {
            await GoOnIfPausedAsync(token).ConfigureAwait(false);
            if (Spec.GuestAccess != GuestAccess.None)
                await _guest.RefreshAsync(token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    // A guest that stands still hears nothing, so what is about to ask it something lets it go on.
    private async Task GoOnIfPausedAsync(CancellationToken cancellationToken)
    {
        if (State == MachineState.Paused)
            await CarryThroughAsync(LetGoOnAsync, cancellationToken).ConfigureAwait(false);
    }

    private async Task LetGoOnAsync(CancellationToken cancellationToken)
    {
        await Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
        // From here on it runs, whatever it answers.
        _life.TryMove(MachineState.Paused, MachineState.Running);
        bool comesBack = _rolledBack;
        _rolledBack = false;
        if (comesBack && Spec.GuestAccess != GuestAccess.None)
            await _guest.ComeBackAsync(PutBack, cancellationToken).ConfigureAwait(false);
    }

    // What is begun is carried through, for half of it would leave a guest that stands still and a state that says otherwise: cancelling ends the wait.
    private async Task<bool> CarryThroughAsync(Func<CancellationToken, Task> action, CancellationToken cancellationToken)
    {
        await _standing.WaitAsync(cancellationToken).ConfigureAwait(false);
        Task carried = ActAsync();
        // Looked at here, for those who stopped waiting.
        _ = carried.ContinueWith(task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        await carried.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;

        async Task ActAsync()
        {
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
                limit.CancelAfter(_operations.Scaled(CheckpointLimit));
                await action(limit.Token).ConfigureAwait(false);
            }
            finally
            {
                _standing.Release();
            }
        }
    }
}
