using TestHarness.Hosts;
using TestHarness.Machines;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // A start that is cancelled kills what it has begun; it takes longer only where its own progress is what disposes the machine.
    private static readonly TimeSpan StartEnds = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _disposing = new();
    private readonly Listeners _listeners;
    private Task _start = Task.CompletedTask;

    /// <summary>Ends QEMU at once and removes everything that the machine kept on the host. May be called twice, at any time, also during the start.</summary>
    /// <returns>A task that ends when the process is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        if (await _delayed.TryAsync().ConfigureAwait(false))
            return;
        DelayedEnds.OfMachines.Remove(this);
        if (State is not (MachineState.Created or MachineState.Stopped))
            _record.NoteEnd("dispose");
        await EndStartAsync().ConfigureAwait(false);
        await DisposeStartedAsync().ConfigureAwait(false);
    }

    private async Task EndStartAsync()
    {
        _life.Kill();
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _start.WaitAsync(StartEnds).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task DisposeStartedAsync()
    {
        try
        {
            if (_instance is not null && !MakesTemplate)
                await TellStoppingAsync().ConfigureAwait(false);
        }
        finally
        {
            await EndAsync().ConfigureAwait(false);
        }
    }

    private Task TellStoppingAsync() => _process is { Exited.IsCompleted: false } ? _listeners.TellStoppingAsync(Stopping) : Task.CompletedTask;

    // A helper program that is being killed may still write there.
    private static void Remove(string folder)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                RunFolder.Remove(folder);
                return;
            }
            catch (IOException) when (attempt < 100)
            {
                Thread.Sleep(10);
            }
        }
    }
}
