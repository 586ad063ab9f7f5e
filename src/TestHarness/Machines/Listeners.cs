using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>
/// Tells those who listen that a machine starts, or is about to end. What a listener does (a screenshot for the evidence) must not keep the
/// machine from either: neither by taking its time nor by failing, which is told afterwards.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="record">Where a listener is noted that takes too long.</param>
/// <param name="starting">Those who listen when it starts.</param>
/// <param name="stopping">Those who listen before it ends.</param>
internal sealed class Listeners(
    VirtualMachine machine,
    MachineRecord record,
    Func<Action<VirtualMachine>?> starting,
    Func<Func<VirtualMachine, Task>?> stopping
)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly AsyncLocal<bool> _inside = new();
    private readonly Lock _gate = new();
    private Task _told = Task.CompletedTask;

    public Task TellStartingAsync() =>
        starting() is not { } all
            ? Task.CompletedTask
            : TellAsync(
                nameof(VirtualMachine.Starting),
                all.GetInvocationList()
                    .Cast<Action<VirtualMachine>>()
                    .Select(listener =>
                        (Func<VirtualMachine, Task>)(
                            started =>
                            {
                                listener(started);
                                return Task.CompletedTask;
                            }
                        )
                    )
            );

    /// <summary>
    /// Once at a time, however many end the machine; and not the listener that does so itself, for it would wait for its own end.
    /// </summary>
    public Task TellStoppingAsync()
    {
        if (_inside.Value || stopping() is not { } all)
            return Task.CompletedTask;
        lock (_gate)
            return _told = _told.IsCompleted ? Task.Run(TellAllAsync) : _told;

        Task TellAllAsync()
        {
            _inside.Value = true;
            return TellAsync(nameof(VirtualMachine.Stopping), all.GetInvocationList().Cast<Func<VirtualMachine, Task>>());
        }
    }

    private async Task TellAsync(string happening, IEnumerable<Func<VirtualMachine, Task>> listeners)
    {
        var told = new List<Task>();
        foreach (Func<VirtualMachine, Task> listener in listeners)
        {
            Task listening = Task.Run(() => listener(machine));
            if (await Task.WhenAny(listening, Clock.System.Delay(Limit)).ConfigureAwait(false) == listening)
                told.Add(listening);
            else
                record.NoteEnd($"a listener of {happening} took more than {Limit.TotalSeconds} s and is not waited for");
        }

        await Task.WhenAll(told).ConfigureAwait(false);
    }
}
