using System.IO.Pipes;
using System.Runtime.InteropServices;

namespace TestHarness.Hosts;

/// <summary>This process's own terminal while a person works in the guest: keys come as they are, and its size is told. Disposing it gives it its mode back.</summary>
internal sealed class HostTerminal : IDisposable
{
    private const int Input = 0;

    private readonly byte[] _mode;

    // Its closing wakes a read that waits for keys, which would swallow the next one that is meant for somebody else.
    private readonly AnonymousPipeServerStream _wake = new(PipeDirection.Out);
    private readonly PosixSignalRegistration _resized;
    private volatile bool _closed;

    private HostTerminal(byte[] mode, Action<int, int> resized)
    {
        _mode = mode;
        Native.MakeTerminalRaw(Input, mode);
        _resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ =>
        {
            if (Native.WindowSizeOf(Input) is { } size)
                resized(size.Columns, size.Rows);
        });
    }

    /// <summary>Takes the terminal over; <see langword="null"/> where standard input is none.</summary>
    public static HostTerminal? TryOpen(Action<int, int> resized) => Native.TerminalModeOf(Input) is { } mode ? new HostTerminal(mode, resized) : null;

    /// <summary>Its columns and rows, or <see langword="null"/> where standard input is no terminal.</summary>
    public static (int Columns, int Rows)? Size => Native.WindowSizeOf(Input);

    /// <summary>Waits for keys; 0 once it is disposed.</summary>
    public Task<int> ReadAsync(byte[] buffer) => Task.Factory.StartNew(
        () =>
        {
            try
            {
                Native.WaitForAny([Input, (int)_wake.ClientSafePipeHandle.DangerousGetHandle()]);
                return _closed ? 0 : Native.Read(Input, buffer);
            }
            catch (ObjectDisposedException)
            {
                return 0;
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        _resized.Dispose();
        Native.SetTerminalMode(Input, _mode);
        // The writing end only: the reading one is being waited for, and goes with the object.
        _wake.SafePipeHandle.Dispose();
    }
}
