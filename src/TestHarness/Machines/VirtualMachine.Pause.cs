using TestHarness.Machines;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private readonly Standstill _standstill;

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
            : _standstill.StopAsync("the guest to pause", cancellationToken);

    /// <summary>Lets a paused guest go on, with the clock and random state of now.</summary>
    /// <param name="cancellationToken">Ends the wait; the guest goes on all the same.</param>
    /// <returns>A task that ends when the guest answers.</returns>
    /// <exception cref="InvalidOperationException">The machine is not paused.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) =>
        State is MachineState.Paused or MachineState.Stopped
            ? _standstill.GoOnAsync("a paused guest to go on", cancellationToken)
            : throw new InvalidOperationException($"Machine '{Name}' is not paused (it is {State}): call {nameof(PauseAsync)} first.");
}
