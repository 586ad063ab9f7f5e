using System.Runtime.InteropServices;
using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>
/// This process's own terminal while a person works in the guest: every key is passed on, Ctrl-C, too. Its mode is given back when this is
/// disposed, and before a signal, an exit or an unhandled exception ends the process or stops it.
/// </summary>
internal sealed class CallerTerminal : IDisposable
{
    private static int _inUse;

    private readonly Lock _gate = new();
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly byte[] _mode;
    private bool _closed;

    private CallerTerminal(byte[] mode, Action<int, int> resized)
    {
        _mode = mode;
        // The first registration lets .NET note the mode that it sets at the process's end: before it becomes another one.
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, PosixSignal.SIGHUP])
            _signals.Add(PosixSignalRegistration.Create(signal, _ => SetMode(raw: false)));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTSTP, Stop));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, GoOn));
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Tell(resized)));
        AppDomain.CurrentDomain.ProcessExit += OnEnd;
        AppDomain.CurrentDomain.UnhandledException += OnEnd;
        SetMode(raw: true);
        // It may have changed before anybody listened.
        Tell(resized);
    }

    /// <summary>Tells whether standard input is a terminal.</summary>
    public static bool Exists => Native.TerminalModeOf(CallerInput.Descriptor) is not null;

    /// <summary>Its columns and rows, or <see langword="null"/> where standard input is no terminal, or one without a size.</summary>
    public static (int Columns, int Rows)? Size => Native.WindowSizeOf(CallerInput.Descriptor);

    /// <summary>Takes the terminal; <see langword="null"/> where standard input is none.</summary>
    /// <param name="resized">Told the size now and whenever it changes.</param>
    /// <exception cref="InvalidOperationException">The process has given it to another guest.</exception>
    public static CallerTerminal? TryTake(Action<int, int> resized)
    {
        if (Native.TerminalModeOf(CallerInput.Descriptor) is not { } mode)
            return null;
        if (Interlocked.Exchange(ref _inUse, 1) == 1)
            throw new InvalidOperationException(
                "This process's terminal is joined to a guest already: leave that first, or give streams of your own "
                    + "(InteractiveOptions.Input)."
            );
        return new CallerTerminal(mode, resized);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            SetModeNow(raw: false);
            _closed = true;
        }

        foreach (PosixSignalRegistration signal in _signals)
            signal.Dispose();
        AppDomain.CurrentDomain.ProcessExit -= OnEnd;
        AppDomain.CurrentDomain.UnhandledException -= OnEnd;
        Volatile.Write(ref _inUse, 0);
    }

    private static void Tell(Action<int, int> resized)
    {
        if (Size is { } size)
            resized(size.Columns, size.Rows);
    }

    private void OnEnd(object? sender, EventArgs e) => SetMode(raw: false);

    // .NET does not stop a process that listens.
    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        SetMode(raw: false);
        _ = Native.Kill(Environment.ProcessId, SignalNumber.Stop);
    }

    private void GoOn(PosixSignalContext context)
    {
        // Otherwise .NET sets the mode that it has noted.
        context.Cancel = true;
        SetMode(raw: true);
    }

    private void SetMode(bool raw)
    {
        lock (_gate)
        {
            if (!_closed)
                SetModeNow(raw);
        }
    }

    // In the background the terminal is another job's, whose mode it has.
    private void SetModeNow(bool raw)
    {
        if (!Native.OwnsTerminal(CallerInput.Descriptor))
            return;
        if (raw)
            Native.MakeTerminalRaw(CallerInput.Descriptor, _mode);
        else
            Native.SetTerminalMode(CallerInput.Descriptor, _mode);
    }
}
