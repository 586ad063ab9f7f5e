namespace TestHarness.Networks.Ethernet;

/// <summary>
/// The far end of a port that is this process's own. A thread of its own takes the frames one after the other, so no sender waits for what
/// is done with them; what has no room waits at the port.
/// </summary>
/// <param name="name">The thread's name.</param>
/// <param name="take">Takes each frame, without its length.</param>
internal sealed class FrameInbox(string name, Action<ReadOnlySpan<byte>> take) : IFrameSink, IDisposable
{
    private const int Room = 64 * 1024;

    private readonly object _gate = new();
    private readonly byte[] _came = new byte[Room];
    private Thread? _reader;
    private int _count;
    private bool _isDisposed;

    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_isDisposed)
                return bytes.Length;
            int taken = Math.Min(bytes.Length, Room - _count);
            bytes[..taken].CopyTo(_came.AsSpan(_count));
            _count += taken;
            if (_reader is null)
            {
                _reader = new Thread(Read) { IsBackground = true, Name = name };
                _reader.Start();
            }

            Monitor.PulseAll(_gate);
            return taken;
        }
    }

    public void WaitForRoom(TimeSpan limit)
    {
        lock (_gate)
        {
            if (_count == Room && !_isDisposed)
                Monitor.Wait(_gate, limit);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.PulseAll(_gate);
        }

        _reader?.Join();
    }

    private void Read()
    {
        // The beginning of a frame that is not whole yet may be before what comes.
        byte[] stream = new byte[EthernetFrame.Prefix + EthernetFrame.Largest + Room];
        for (int filled = 0; Fetch(stream.AsSpan(filled)) is > 0 and var fetched; )
        {
            filled += fetched;
            int at = 0;
            while (
                filled - at >= EthernetFrame.Prefix
                && EthernetFrame.LengthOf(stream.AsSpan(at)) is var length
                && filled - at - EthernetFrame.Prefix >= length
            )
            {
                take(stream.AsSpan(at + EthernetFrame.Prefix, length));
                at += EthernetFrame.Prefix + length;
            }

            stream.AsSpan(at, filled - at).CopyTo(stream);
            filled -= at;
        }
    }

    // Nothing when it has ended.
    private int Fetch(Span<byte> to)
    {
        lock (_gate)
        {
            while (_count == 0 && !_isDisposed)
                Monitor.Wait(_gate);
            if (_isDisposed)
                return 0;
            int count = _count;
            _came.AsSpan(0, count).CopyTo(to);
            _count = 0;
            Monitor.PulseAll(_gate);
            return count;
        }
    }
}
