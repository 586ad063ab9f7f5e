using System.IO.Pipes;
using System.Threading.Channels;

namespace TestHarness.Hosts;

/// <summary>
/// Reads this process's standard input until it ends or nobody wants it any more; what comes after that is left for whoever reads next. Not
/// by <see cref="Console"/>, which handles a terminal's lines and mode itself, and whose reads can't be ended.
/// </summary>
internal sealed class CallerInput : IDisposable
{
    public const int Descriptor = 0;

    // So much may be typed ahead of a guest that stands still, and the keys for leaving it are still seen.
    private const int WaitingReads = 1024;
    private const int ReadBytes = 4096;

    private readonly Channel<byte[]> _read = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(WaitingReads) { SingleReader = true, SingleWriter = true }
    );
    private readonly CancellationTokenSource _closed = new();
    private readonly Func<byte[], bool> _isLast;

    // Its closing wakes the wait for bytes.
    private readonly AnonymousPipeServerStream _wake = new(PipeDirection.Out);

    /// <summary>
    /// Begins to read, on a thread of its own. <paramref name="isLast"/> sees the bytes as they come, and may end the reading.
    /// </summary>
    public CallerInput(Func<byte[], bool> isLast)
    {
        _isLast = isLast;
        new Thread(ReadToEnd) { IsBackground = true, Name = "TestHarness standard input" }.Start();
    }

    /// <summary>The bytes, up to the input's end or before those that were the last.</summary>
    public IAsyncEnumerable<byte[]> ReadAllAsync(CancellationToken cancellationToken) => _read.Reader.ReadAllAsync(cancellationToken);

    public void Dispose()
    {
        if (_closed.IsCancellationRequested)
            return;
        _closed.Cancel();
        // The writing end only: the reading one is being waited for, and closed by who waits.
        _wake.SafePipeHandle.Dispose();
    }

    private void ReadToEnd()
    {
        var buffer = new byte[ReadBytes];
        int wake = (int)_wake.ClientSafePipeHandle.DangerousGetHandle();
        try
        {
            while (true)
            {
                Native.WaitForAny([Descriptor, wake]);
                if (_closed.IsCancellationRequested)
                    return;
                if (Native.Read(Descriptor, buffer) is not { } count)
                    continue;
                byte[] bytes = buffer[..count];
                if (count == 0 || _isLast(bytes))
                    return;
                _read.Writer.WriteAsync(bytes, _closed.Token).AsTask().GetAwaiter().GetResult();
            }
        }
        catch (OperationCanceledException)
        {
            // Closed while a slow reader was waited for.
        }
        finally
        {
            _wake.ClientSafePipeHandle.Dispose();
            _read.Writer.Complete();
        }
    }
}
