using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Ends a machine: first its start, where that is under way, then those who listen are told, then it goes.</summary>
internal sealed class MachineEnding(MachineKeeper keeper, Listeners listeners)
{
    // A start that is cancelled kills what it has begun; it takes longer only where its own progress is what disposes the machine.
    private static readonly TimeSpan StartEnds = TimeSpan.FromSeconds(5);

    private Task _start = Task.CompletedTask;
    private bool _isTold;

    /// <summary>Tells those who listen that the machine starts. What they do with it is not waited for by an end.</summary>
    /// <param name="end">Ends when the start does.</param>
    /// <param name="isTold">Whether anybody is to know of the machine yet.</param>
    /// <param name="cancellationToken">Ends the wait for the listeners.</param>
    public async Task BeginStartAsync(Task end, bool isTold, CancellationToken cancellationToken)
    {
        if (isTold)
            await TellStartingAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        _start = end;
    }

    /// <summary>Ends a start that is under way.</summary>
    public async Task CutStartAsync()
    {
        await keeper.KillAsync().ConfigureAwait(false);
        await _start.WaitAsync(StartEnds, Clock.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Tells those who listen, and removes what there is of the machine.</summary>
    public async Task EndAsync()
    {
        try
        {
            await TellStoppingAsync().ConfigureAwait(false);
        }
        finally
        {
            await keeper.EndAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Tells those who listen of the machine. From now on they are told of its end, too.</summary>
    public Task TellStartingAsync()
    {
        _isTold = true;
        return listeners.TellStartingAsync();
    }

    /// <summary>Tells those who listen, while there is something to look at.</summary>
    public Task TellStoppingAsync() =>
        keeper.Run?.Instance is { Process.Exited.IsCompleted: false } && _isTold ? listeners.TellStoppingAsync() : Task.CompletedTask;
}
