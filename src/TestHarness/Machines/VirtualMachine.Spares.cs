using TestHarness.Machines;
using TestHarness.Operations;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private const int WarmUps = 3;

    /// <summary>
    /// Ends the spare machines of a spec (<see cref="MachineSpec.Spares"/>); those that were handed out are not concerned.
    /// </summary>
    /// <param name="spec">The spec.</param>
    /// <returns>A task that ends when they are gone.</returns>
    public static Task ReleaseSparesAsync(MachineSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return SparePool.CloseAsync(spec);
    }

    /// <summary>Starts a machine, warms it with a command, and pauses it. Fails at once where there is no room for it.</summary>
    internal static async Task<VirtualMachine> PrepareSpareAsync(MachineSpec spec)
    {
        var spare = new VirtualMachine(spec with { Spares = 0 });
        spare._starter.IsSpare = true;
        await spare.StartAsync().ConfigureAwait(false);
        try
        {
            // The emulator translates what a command's start needs; the next command finds it done.
            for (int round = 0; round < WarmUps; round++)
            {
                await spare.Shell.RunAsync("uname; true").ConfigureAwait(false);
                await spare.Shell.RunAsync(["true"]).ConfigureAwait(false);
                await spare._guest.RefreshAsync(begins: true, CancellationToken.None).ConfigureAwait(false);
            }

            await spare._standstill.StopAsync("a spare machine to pause", CancellationToken.None).ConfigureAwait(false);
            return spare;
        }
        catch
        {
            await spare.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lets a spare go on as its new owner's machine, with the clock and random state of now.</summary>
    /// <param name="progress">Told of it; what it throws comes out, and the caller ends the machine.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False where it died while it waited.</returns>
    internal async Task<bool> TryTakeAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        _starter.IsSpare = false;
        RecordedProgress told = _operations.Record.Recorded(progress);
        // Beside what the guest does: a thread's turn costs a good part of a millisecond.
        told.Tell("running (a spare)");
        try
        {
            await _ending.TellStartingAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            _view.ShowFromNow("since the machine was handed out");
            await _standstill.GoOnAsync("a spare machine to go on", begins: true, cancellationToken).ConfigureAwait(false);
        }
        catch (TestHarnessException)
        {
            return false;
        }

        await told.SettleAsync().ConfigureAwait(false);
        return true;
    }
}
