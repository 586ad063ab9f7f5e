using TestHarness.Hosts;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan HoldOpens = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _givenBack = new();
    private readonly AsyncLocal<bool> _looksOn = new();
    private readonly Lock _delaying = new();
    private int _delays;

    /// <summary>Opens ways into the running machine for a person: a shell, the serial console, the screen. Everything of it is in the machine's run folder.</summary>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <returns>The hold; the caller prints its instructions, awaits <see cref="MachineHold.Released"/> and disposes it.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public async Task<MachineHold> HoldAsync(CancellationToken cancellationToken = default)
    {
        _looksOn.Value = true;
        // Somebody looks at it: it ends when that person says so.
        DelayedEnds.OfMachines.Remove(this);
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
    public IAsyncDisposable DelayDispose()
    {
        lock (_delaying)
            _delays++;
        return new DisposeDelay(this);
    }

    // To its user the machine has ended, whatever comes: State, Exit, waits and calls say so. Those who look at it for the evidence still can.
    private bool IsGivenBack => _givenBack.IsCancellationRequested;

    private bool IsUp => IsGivenBack
        ? _process is { Exited.IsCompleted: false } && !_life.IsKilled && !_ended.IsCancellationRequested
        : State is MachineState.Running or MachineState.Paused && Exit is null;

    // A start that failed is cleared away at once, and so is what has ended.
    private async Task<bool> TryDelayDisposeAsync()
    {
        lock (_delaying)
        {
            if (_delays == 0 || !IsUp)
                return false;
            if (IsGivenBack)
                return true;
            _record.NoteEnd("dispose (delayed)");
        }

        await _givenBack.CancelAsync().ConfigureAwait(false);
        await DelayedEnds.OfMachines.AddAsync(this, EndDelayAsync).ConfigureAwait(false);
        return true;
    }

    private async Task EndDelayAsync()
    {
        lock (_delaying)
            _delays = 0;
        await DisposeAsync().ConfigureAwait(false);
    }

    private sealed class DisposeDelay(VirtualMachine machine) : IAsyncDisposable
    {
        private int _over;

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _over, 1) != 0)
                return;
            lock (machine._delaying)
            {
                if (machine._delays > 0)
                    machine._delays--;
                if (machine._delays > 0 || !machine._givenBack.IsCancellationRequested)
                    return;
            }

            await machine.DisposeAsync().ConfigureAwait(false);
        }
    }
}
