using TestHarness.Evidence;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan HoldOpens = TimeSpan.FromSeconds(10);

    private int _delays;
    private bool _disposeAsked;

    /// <summary>Opens ways into the running machine for a person: a shell, the serial console, the screen. Everything of it is in the machine's run folder.</summary>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <returns>The hold; the caller prints its instructions, awaits <see cref="MachineHold.Released"/> and disposes it.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task<MachineHold> HoldAsync(CancellationToken cancellationToken = default) => GuardAsync(
        "ways into the machine to open",
        HoldOpens,
        async token =>
        {
            string? viewer = QemuArguments.HasDisplay(Spec) ? await TryOpenViewerAsync(token).ConfigureAwait(false) : null;
            return MachineHold.Open(this, _guest, viewer, _ended.Token);
        },
        cancellationToken);

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
    /// only after a test whether somebody wants to look at its machines. <see cref="StopAsync"/> and <see cref="KillAsync"/> act at once all the same.
    /// </summary>
    /// <returns>The delay; may be disposed twice.</returns>
    public IAsyncDisposable DelayDispose()
    {
        Interlocked.Increment(ref _delays);
        return new DisposeDelay(this);
    }

    // A start that failed is cleared away at once, and so is what has ended.
    private bool TryDelayDispose()
    {
        if (Volatile.Read(ref _delays) == 0 || State is not (MachineState.Running or MachineState.Paused))
            return false;
        _disposeAsked = true;
        NoteEnd("dispose (delayed)");
        return true;
    }

    private sealed class DisposeDelay(VirtualMachine machine) : IAsyncDisposable
    {
        private int _over;

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _over, 1) == 0 && Interlocked.Decrement(ref machine._delays) == 0 && machine._disposeAsked)
                await machine.DisposeAsync().ConfigureAwait(false);
        }
    }
}
