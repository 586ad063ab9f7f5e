using Microsoft.Win32.SafeHandles;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>
/// A serial port's two named pipes (<c>-chardev pipe</c>). Not a socket: a byte costs some 800 bytes of a unix socket's buffer, so a reader
/// that is late by a few milliseconds stops QEMU's UART, and Linux's console driver waits 10 ms for it and then drops characters. A pipe
/// holds 1 MiB of text.
/// </summary>
internal sealed class SerialPipe : IDisposable
{
    private const string ToGuest = ".in";
    private const string FromGuest = ".out";

    private readonly FileStream _input;
    private readonly FileStream _output;

    /// <summary>Makes the pipes of a port in a machine's folder; port 0 is the console.</summary>
    public SerialPipe(string folder, int index)
    {
        string path = Path.Combine(folder, MachineFileNames.SerialPipe(index));
        _input = new FileStream(Make(path + ToGuest, forReading: false), FileAccess.Write, bufferSize: 0);
        _output = new FileStream(Make(path + FromGuest, forReading: true), FileAccess.Read, bufferSize: 0);
    }

    /// <summary>Types bytes at the console.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        _input.WriteAsync(bytes, cancellationToken);

    /// <summary>
    /// Reads on a thread of its own until QEMU is gone. Call it once QEMU has opened the pipes, for before that they are at their end.
    /// </summary>
    public Task ReadToEndAsync(Action<ReadOnlyMemory<byte>> received)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => Read(received, done)) { IsBackground = true, Name = "TestHarness serial" }.Start();
        return done.Task;
    }

    public void Dispose()
    {
        _input.Dispose();
        _output.Dispose();
    }

    private static SafeFileHandle Make(string path, bool forReading)
    {
        // Of a QEMU before this one in the same folder.
        File.Delete(path);
        Native.MakePipe(path);
        SafeFileHandle pipe = Native.OpenPipe(path, forReading);
        QemuUser.Give(path);
        return pipe;
    }

    private void Read(Action<ReadOnlyMemory<byte>> received, TaskCompletionSource done)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = _output.Read(buffer)) > 0)
                received(buffer.AsMemory(0, count));
            done.SetResult();
        }
        catch (Exception e)
        {
            done.SetException(e);
        }
    }
}
