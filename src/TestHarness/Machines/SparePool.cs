using System.Collections.Concurrent;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>
/// Keeps machines of a spec ready: restored, warmed by a command, and paused. Each is handed out once. They are machines of this process
/// like any other: in the ledger, and gone when the process is.
/// </summary>
internal sealed class SparePool(MachineSpec spec)
{
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    // By what they say: two specs with the same list of disks are the same machine.
    private static readonly ConcurrentDictionary<string, SparePool> Pools = new(StringComparer.Ordinal);

    private readonly ConcurrentQueue<VirtualMachine> _ready = new();
    private readonly Lock _gate = new();
    private Task _filling = Task.CompletedTask;
    private volatile bool _closed;
    private volatile int _wanted;

    public static SparePool Of(MachineSpec spec) => Pools.GetOrAdd(SpareKey.Of(spec), _ => new SparePool(spec));

    /// <summary>Ends a spec's spares; machines that were handed out are not concerned.</summary>
    public static async Task CloseAsync(MachineSpec spec)
    {
        if (!Pools.TryRemove(SpareKey.Of(spec), out SparePool? pool))
            return;
        pool._closed = true;
        await pool._filling.ConfigureAwait(false);
        while (pool._ready.TryDequeue(out VirtualMachine? spare))
            await spare.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Hands out a spare, or nothing where none is ready.</summary>
    /// <param name="progress">Told of it; what it throws ends the spare, as it does a start.</param>
    /// <param name="cancellationToken">Ends the wait and the spare.</param>
    public async Task<VirtualMachine?> TryTakeAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        while (_ready.TryDequeue(out VirtualMachine? spare))
        {
            bool taken = false;
            try
            {
                taken = await spare.TryTakeAsync(progress, cancellationToken).ConfigureAwait(false);
                if (taken)
                    return spare;
                // It died while it waited: the next one, or a start.
            }
            finally
            {
                if (!taken)
                    await spare.DisposeAsync().ConfigureAwait(false);
            }
        }

        return null;
    }

    /// <summary>Makes up the number in the background, as far as there is room on the host.</summary>
    public void Fill(int wanted)
    {
        lock (_gate)
        {
            _wanted = wanted;
            if (_filling.IsCompleted && !_closed)
                _filling = Task.Run(FillAsync);
        }
    }

    private async Task FillAsync()
    {
        // The machine that was just handed out comes first; starting another one beside it would double the time of its first command.
        await Clock.System.Delay(HeadStart).ConfigureAwait(false);
        try
        {
            while (!_closed && _ready.Count < _wanted)
                _ready.Enqueue(await VirtualMachine.PrepareSpareAsync(spec).ConfigureAwait(false));
        }
        catch (TestHarnessException)
        {
            // No room, or the start failed: who asks for a machine starts one, and is told the reason then.
        }
    }
}
