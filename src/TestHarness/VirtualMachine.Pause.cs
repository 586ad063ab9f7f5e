namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan PauseLimit = TimeSpan.FromMinutes(1);

    /// <summary>Makes the guest stand still: its processors execute nothing, its memory stays. Does nothing where it does so already.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when it stands still.</returns>
    /// <exception cref="InvalidOperationException">The machine was not started.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task PauseAsync(CancellationToken cancellationToken = default)
    {
        if (State == MachineState.Paused)
            return;
        await StandStillAsync("the guest to pause", cancellationToken).ConfigureAwait(false);
        State = MachineState.Paused;
    }

    /// <summary>Lets a paused guest go on, with the clock and random state of now.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the guest answers.</returns>
    /// <exception cref="InvalidOperationException">The machine is not paused.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        if (State != MachineState.Paused)
            throw new InvalidOperationException($"Machine '{Name}' is not paused (it is {State}): call {nameof(PauseAsync)} first.");
        await GoOnAsync("a paused guest to go on", cancellationToken).ConfigureAwait(false);
        State = MachineState.Running;
    }

    private async Task StandStillAsync(string what, CancellationToken cancellationToken) =>
        await GuardAsync(what, Scaled(PauseLimit), token => Monitor.ExecuteAsync("stop", null, token), cancellationToken).ConfigureAwait(false);

    private async Task GoOnAsync(string what, CancellationToken cancellationToken) => await GuardAsync(what, Scaled(PauseLimit), GoOnAsync, cancellationToken).ConfigureAwait(false);

    private async Task<bool> GoOnAsync(CancellationToken cancellationToken)
    {
        await Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
        if (Spec.GuestAccess != GuestAccess.None)
            await _guest.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }
}
