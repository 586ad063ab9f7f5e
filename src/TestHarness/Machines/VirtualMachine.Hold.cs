using TestHarness.Machines;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan HoldOpens = TimeSpan.FromSeconds(10);

    private readonly DelayedDispose _delayed;

    /// <summary>Opens ways into the running machine for a person: a shell, the serial console, the screen. Everything of it is in the machine's run folder.</summary>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <returns>The hold; the caller prints its instructions, awaits <see cref="MachineHold.Released"/> and disposes it.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public async Task<MachineHold> HoldAsync(CancellationToken cancellationToken = default)
    {
        _delayed.LookOn();
        return await _operations.GuardAsync(
            "ways into the machine to open",
            HoldOpens,
            async token =>
            {
                string? viewer = QemuArguments.HasDisplay(Spec) ? await TryOpenViewerAsync(token).ConfigureAwait(false) : null;
                return MachineHold.Open(this, _guest, viewer, _ended.Token);
            },
            cancellationToken).ConfigureAwait(false);
    }

    // A QEMU that can't open a viewer (before 7.1) holds its machines all the same; the refusal is in the timeline.
    private async Task<string?> TryOpenViewerAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await Screen.OpenViewerAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MonitorException)
        {
            return null;
        }
    }

    /// <summary>
    /// Lets <see cref="DisposeAsync"/> leave the machine running until the returned object is disposed, which then ends it. For test frameworks, which know
    /// only after a test whether somebody wants to look at its machines. To others the machine has ended: <see cref="State"/> says so, and calls fail. At most four machines of
    /// a process wait like that; all end at once when anybody waits for room on the host. <see cref="KillAsync"/> acts at once all the same.
    /// </summary>
    /// <returns>The delay; may be disposed twice.</returns>
    public IAsyncDisposable DelayDispose() => _delayed.Delay();

    private bool IsUp => _delayed.IsGivenBack
        ? _process is { Exited.IsCompleted: false } && !_life.IsKilled && !_ended.IsCancellationRequested
        : State is MachineState.Running or MachineState.Paused && Exit is null;
}
