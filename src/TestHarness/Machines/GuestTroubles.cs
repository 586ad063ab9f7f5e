using TestHarness.Access;

namespace TestHarness.Machines;

/// <summary>Judges what goes wrong in a guest that had been up: whether the machine is broken by it.</summary>
internal sealed class GuestTroubles
{
    // A guest whose kernel has panicked answers nothing any more; one in which a program printed such a line does.
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMilliseconds(500);

    private readonly GuestSession _guest;
    private readonly GuestWatch _watch;
    private readonly Func<bool> _rebootsOnPanic;
    private readonly Func<MachineExitReason, string, Task> _breakAsync;
    private string? _panicWords;
    private int _panicked;
    private int _judging;

    /// <param name="guest">The guest, which is asked whether it still answers.</param>
    /// <param name="watch">What finds the troubles.</param>
    /// <param name="rebootsOnPanic">Whether the guest's kernel restarts it after a panic.</param>
    /// <param name="breakAsync">What makes a broken machine of it.</param>
    public GuestTroubles(GuestSession guest, GuestWatch watch, Func<bool> rebootsOnPanic, Func<MachineExitReason, string, Task> breakAsync)
    {
        (_guest, _watch, _rebootsOnPanic, _breakAsync) = (guest, watch, rebootsOnPanic, breakAsync);
        guest.CameUp += Up;
        watch.Troubled += See;
    }

    /// <summary>The guest is up; what was before is over.</summary>
    public void Up()
    {
        _watch.Up();
        _panicWords = null;
        Volatile.Write(ref _panicked, 0);
    }

    /// <summary>Takes a trouble. Called on the reader of console or monitor, which must not wait.</summary>
    public void See(GuestTrouble trouble)
    {
        if (BreaksBy(trouble.Fault) is { } reason)
            _ = Task.Run(() => _breakAsync(reason, trouble.Text));
        if (trouble.Fault is not (MachineFault.KernelPanic or MachineFault.NoRootDevice or MachineFault.GuestOutOfMemory))
            return;
        // The kernel's own words; pvpanic, which follows them, has none.
        if (!trouble.Certain)
            _panicWords = trouble.Text;
        // One at a time: a program may print such lines for ever.
        if (trouble.Certain || Interlocked.Exchange(ref _judging, 1) == 0)
            _ = Task.Run(() => JudgePanicAsync(trouble));
    }

    private static MachineExitReason? BreaksBy(MachineFault fault) =>
        fault switch
        {
            MachineFault.HostDiskFull => MachineExitReason.HostDiskFull,
            MachineFault.HostDiskFailed => MachineExitReason.HostDiskFailed,
            MachineFault.BootLoop => MachineExitReason.BootLoop,
            _ => null,
        };

    private static string Sentence(string text) => $"{char.ToUpperInvariant(text[0])}{text[1..]}.";

    private async Task JudgePanicAsync(GuestTrouble trouble)
    {
        bool printed = !trouble.Certain && await _guest.AnswersAsync(AnswerLimit).ConfigureAwait(false);
        if (!trouble.Certain)
            Volatile.Write(ref _judging, 0);
        if (printed || Interlocked.Exchange(ref _panicked, 1) == 1)
            return;
        string words = _panicWords ?? trouble.Text;
        if (_rebootsOnPanic())
        {
            _guest.Interrupt($"{Sentence(words)} It restarts (panic= in its kernel arguments).");
            return;
        }

        await _watch.SettleAsync().ConfigureAwait(false);
        await _breakAsync(MachineExitReason.KernelPanic, _panicWords ?? words).ConfigureAwait(false);
    }
}
