using TestHarness.Hosts;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // A start that is cancelled kills what it has begun; it takes longer only where its own progress is what disposes the machine.
    private static readonly TimeSpan StartEnds = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ListenerLimit = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _disposing = new();
    private readonly AsyncLocal<bool> _inListener = new();
    private readonly Lock _telling = new();
    private Task _told = Task.CompletedTask;
    private Task _start = Task.CompletedTask;

    /// <summary>Ends QEMU at once and removes everything that the machine kept on the host. May be called twice, at any time, also during the start.</summary>
    /// <returns>A task that ends when the process is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        if (await TryDelayDisposeAsync().ConfigureAwait(false))
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

    // Once at a time, however many end the machine; and not the listener that does so itself, for it would wait for its own end.
    private Task TellStoppingAsync()
    {
        if (_inListener.Value || _process is not { Exited.IsCompleted: false } || Stopping is not { } stopping)
            return Task.CompletedTask;
        lock (_telling)
            return _told = _told.IsCompleted ? Task.Run(TellAllAsync) : _told;

        Task TellAllAsync()
        {
            _inListener.Value = true;
            return TellAsync(nameof(Stopping), stopping.GetInvocationList().Cast<Func<VirtualMachine, Task>>());
        }
    }

    private Task TellStartingAsync() => Starting is not { } starting ? Task.CompletedTask : TellAsync(
        nameof(Starting),
        starting.GetInvocationList().Cast<Action<VirtualMachine>>().Select(listener => (Func<VirtualMachine, Task>)(machine =>
        {
            listener(machine);
            return Task.CompletedTask;
        })));

    // What a listener does (a screenshot for the evidence) must not keep the machine from starting or ending: neither by taking its time nor by failing, which is told afterwards.
    private async Task TellAsync(string happening, IEnumerable<Func<VirtualMachine, Task>> listeners)
    {
        var told = new List<Task>();
        foreach (Func<VirtualMachine, Task> listener in listeners)
        {
            Task listening = Task.Run(() => listener(this));
            if (await Task.WhenAny(listening, Task.Delay(ListenerLimit)).ConfigureAwait(false) == listening)
                told.Add(listening);
            else
                _record.NoteEnd($"a listener of {happening} took more than {ListenerLimit.TotalSeconds} s and is not waited for");
        }

        await Task.WhenAll(told).ConfigureAwait(false);
    }

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
