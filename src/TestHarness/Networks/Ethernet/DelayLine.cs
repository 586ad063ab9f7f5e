using System.Buffers;

namespace TestHarness.Networks.Ethernet;

/// <summary>Frames that arrive later. A thread of its own hands each over when it is due.</summary>
/// <param name="name">The network's name.</param>
/// <param name="now">The time, which never goes back.</param>
internal sealed class DelayLine(string name, Func<DateTimeOffset> now) : IDisposable
{
    // Of all links of a network together.
    private const int MostBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly object _gate = new();
    private readonly PriorityQueue<DelayedFrame, (DateTimeOffset Due, long Number)> _frames = new();
    private Thread? _thread;
    private long _number;
    private int _bytes;
    private bool _isDisposed;

    /// <summary>Takes a frame. False where too much is on its way.</summary>
    /// <param name="way">The way that it goes.</param>
    /// <param name="frame">The frame with its length.</param>
    /// <param name="due">When it arrives.</param>
    /// <param name="flippedBit">The bit of the frame that is turned over, or <see langword="null"/>.</param>
    public bool TryAdd(FrameWay way, ReadOnlySpan<byte> frame, DateTimeOffset due, int? flippedBit)
    {
        lock (_gate)
        {
            if (_isDisposed || _bytes + frame.Length > MostBytes)
                return false;
            byte[] bytes = ArrayPool<byte>.Shared.Rent(frame.Length);
            frame.CopyTo(bytes);
            if (flippedBit is { } bit)
                bytes[EthernetFrame.Prefix + (bit / 8)] ^= (byte)(1 << (bit % 8));
            _bytes += frame.Length;
            way.Begin();
            _frames.Enqueue(new DelayedFrame(way, bytes, frame.Length), (due, _number++));
            if (_thread is null)
            {
                _thread = new Thread(Deliver) { IsBackground = true, Name = $"later on {name}" };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
            return true;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
    }

    private void Deliver()
    {
        while (Next() is { } frame)
        {
            frame.Way.To.Send(frame.Way.From, frame.Bytes.AsSpan(0, frame.Length), count: 1, mayWait: false);
            frame.Way.End();
            ArrayPool<byte>.Shared.Return(frame.Bytes);
        }
    }

    private DelayedFrame? Next()
    {
        lock (_gate)
        {
            while (!_isDisposed)
            {
                if (!_frames.TryPeek(out DelayedFrame? frame, out (DateTimeOffset Due, long Number) at))
                    Monitor.Wait(_gate);
                else if (at.Due - now() is var left && left > TimeSpan.Zero)
                    Monitor.Wait(_gate, left < LongestWait ? TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)) : LongestWait);
                else
                {
                    _frames.Dequeue();
                    _bytes -= frame.Length;
                    return frame;
                }
            }

            return null;
        }
    }

    private sealed record DelayedFrame(FrameWay Way, byte[] Bytes, int Length);
}
