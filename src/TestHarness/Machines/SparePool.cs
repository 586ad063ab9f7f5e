using System.Collections.Concurrent;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>
/// Keeps machines of a spec ready: restored, warmed by a command, and paused. Each is handed out once. They are machines of this process
/// like any other: in the ledger, and gone when the process is.
/// </summary>
internal sealed class SparePool(MachineSpec spec)
{
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(250);

    // None of those that were made ahead stays while somebody waits for room on the host.
    private static readonly DelayedEnds Ahead = new(() => Ledger.Default.IsWaitedFor, Clock.System);

    // By what they say: two specs with the same list of disks are the same machine.
    private static readonly ConcurrentDictionary<string, SparePool> Pools = new(StringComparer.Ordinal);

    private readonly List<VirtualMachine> _ready = [];
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _filling = Task.CompletedTask;

    // One that is being made ahead of its test, and nobody has asked for yet.
    private volatile TaskCompletionSource<VirtualMachine?>? _coming;
    private volatile int _wanted;

    /// <summary>
    /// Waits for the moment to make one ahead of its test. Default: until a core of the host is idle. Tests of this pool run beside others.
    /// </summary>
    public static Func<CancellationToken, Task> Idle { get; set; } = token => IdleCore.WaitAsync(Clock.System, token);

    /// <summary>Whether one is ready.</summary>
    public bool HasReady => CountReady() > 0;

    public static SparePool Of(MachineSpec spec) => Pools.GetOrAdd(SpareKey.Of(spec), _ => new SparePool(spec));

    /// <summary>Finds a spec's pool, or returns <see langword="null"/> where it has none.</summary>
    public static SparePool? Find(MachineSpec spec) => Pools.IsEmpty ? null : Pools.GetValueOrDefault(SpareKey.Of(spec));

    /// <summary>Ends a spec's spares; machines that were handed out are not concerned.</summary>
    public static async Task CloseAsync(MachineSpec spec)
    {
        if (!Pools.IsEmpty && Pools.TryRemove(SpareKey.Of(spec), out SparePool? pool))
            await pool.CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Hands out a spare, or nothing where none is ready.</summary>
    /// <param name="progress">Told of it; what it throws ends the spare, as it does a start.</param>
    /// <param name="cancellationToken">Ends the wait and the spare.</param>
    public async Task<VirtualMachine?> TryTakeAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        while (await NextAsync(cancellationToken).ConfigureAwait(false) is { } spare)
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
        _wanted = wanted;
        Begin(FillAsync);
    }

    /// <summary>Makes one in the background, once a core of the host is idle and where there is room.</summary>
    public void PrepareNext() => Begin(PrepareNextAsync);

    private void Begin(Func<Task> make)
    {
        lock (_gate)
        {
            if (_filling.IsCompleted && !_closing.Task.IsCompleted)
                _filling = Task.Run(make);
        }
    }

    private async Task FillAsync()
    {
        // The machine that was just handed out comes first; starting another one beside it would double the time of its first command.
        await Clock.System.Delay(HeadStart).ConfigureAwait(false);
        while (!_closing.Task.IsCompleted && CountReady() < _wanted)
        {
            if (await TryMakeAsync(() => false).ConfigureAwait(false) is not { } spare)
                return;
            lock (_gate)
                _ready.Add(spare);
        }
    }

    private async Task PrepareNextAsync()
    {
        using var wait = new CancellationTokenSource();
        Task idle = Idle(wait.Token);
        await Task.WhenAny(idle, _closing.Task).ConfigureAwait(false);
        await wait.CancelAsync().ConfigureAwait(false);
        await idle.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!idle.IsCompletedSuccessfully || HasReady || Ledger.Default.IsWaitedFor)
            return;
        var coming = new TaskCompletionSource<VirtualMachine?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _coming = coming;
        VirtualMachine? spare = await TryMakeAsync(() => _coming is null).ConfigureAwait(false);
        bool isKept;
        lock (_gate)
        {
            isKept = _coming is not null && spare is not null;
            if (isKept)
                _ready.Add(spare!);
            _coming = null;
        }

        coming.SetResult(spare);
        if (isKept)
            await Ahead.AddAsync(spare!, () => EndAsync(spare!)).ConfigureAwait(false);
    }

    private async Task<VirtualMachine?> NextAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<VirtualMachine?>? coming;
        lock (_gate)
        {
            if (_ready is [var spare, ..])
            {
                _ready.RemoveAt(0);
                Ahead.Remove(spare);
                return spare;
            }

            (coming, _coming) = (_coming, null);
        }

        if (coming is null)
            return null;
        try
        {
            // What is half-made is there sooner than one that has to be started.
            return await coming.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = EndUnusedAsync(coming.Task);
            throw;
        }
    }

    // Whatever went wrong, such as no room: who asks for a machine starts one, and is told the reason then.
    private async Task<VirtualMachine?> TryMakeAsync(Func<bool> isAwaited)
    {
        Task<VirtualMachine> making = VirtualMachine.PrepareSpareAsync(spec, isAwaited);
        await ((Task)making).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return making.IsCompletedSuccessfully ? await making.ConfigureAwait(false) : null;
    }

    private async Task CloseAsync()
    {
        lock (_gate)
            _closing.TrySetResult();
        await _filling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        VirtualMachine[] left;
        lock (_gate)
            left = [.. _ready];
        foreach (VirtualMachine spare in left)
            await EndAsync(spare).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task EndAsync(VirtualMachine spare)
    {
        lock (_gate)
        {
            if (!_ready.Remove(spare))
                return;
        }

        Ahead.Remove(spare);
        await spare.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task EndUnusedAsync(Task<VirtualMachine?> coming)
    {
        if (await coming.ConfigureAwait(false) is { } unused)
            await unused.DisposeAsync().ConfigureAwait(false);
    }

    private int CountReady()
    {
        lock (_gate)
            return _ready.Count;
    }
}
