using System.Buffers.Binary;

namespace TestHarness.Networks.Ethernet;

/// <summary>The latest frames of a network: a ring of bytes with a bound.</summary>
/// <param name="bytes">The bound; 0 keeps nothing.</param>
/// <param name="time">The time.</param>
internal sealed class FrameCapture(int bytes, TimeProvider time)
{
    // Size, time, port.
    private const int Head = 16;

    private readonly Lock _gate = new();
    private byte[] _ring = [];
    private long _begin;
    private long _end;
    private TaskCompletionSource? _grown;

    /// <summary>Where the oldest frame that is kept begins, in bytes since the first one.</summary>
    public long Begin
    {
        get
        {
            lock (_gate)
                return _begin;
        }
    }

    /// <summary>Where the next frame will begin.</summary>
    public long End
    {
        get
        {
            lock (_gate)
                return _end;
        }
    }

    /// <summary>Keeps frames that came in by a port.</summary>
    /// <param name="port">The port's number.</param>
    /// <param name="frames">Whole frames, each with its length.</param>
    public void Add(int port, ReadOnlySpan<byte> frames)
    {
        if (bytes == 0)
            return;
        long now = time.GetUtcNow().UtcTicks;
        TaskCompletionSource? grown;
        lock (_gate)
        {
            if (_ring.Length == 0)
                _ring = new byte[bytes];
            for (int at = 0; at < frames.Length; )
            {
                int length = EthernetFrame.LengthOf(frames[at..]);
                Add(port, now, frames.Slice(at + EthernetFrame.Prefix, length));
                at += EthernetFrame.Prefix + length;
            }

            (grown, _grown) = (_grown, null);
        }

        grown?.TrySetResult();
    }

    /// <summary>Returns what is kept, the oldest first.</summary>
    public IReadOnlyList<CapturedFrame> ToList() => Read(0, long.MaxValue);

    /// <summary>Returns frames that are kept, the oldest first: not all at once, for meanwhile nothing is added.</summary>
    /// <param name="from">Where the first one begins, or earlier.</param>
    /// <param name="most">How many bytes are read: one frame in any case, if there is one.</param>
    public IReadOnlyList<CapturedFrame> Read(long from, long most)
    {
        lock (_gate)
        {
            List<CapturedFrame> frames = [];
            long begin = Math.Max(from, _begin);
            for (long at = begin; at < _end && at - begin < most; at = frames[^1].End)
            {
                (int length, long ticks, int port) = ReadHead(at);
                byte[] frame = new byte[length];
                Copy(at + Head, frame);
                frames.Add(new CapturedFrame(new DateTimeOffset(ticks, TimeSpan.Zero), port, frame, at, at + Head + length));
            }

            return frames;
        }
    }

    /// <summary>Returns what ends when a frame is kept that begins there or later.</summary>
    public Task GrowsBeyond(long end)
    {
        lock (_gate)
            return _end > end
                ? Task.CompletedTask
                : (_grown ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
    }

    private void Add(int port, long ticks, ReadOnlySpan<byte> frame)
    {
        int size = Head + frame.Length;
        if (size > _ring.Length)
            return;
        while (_end + size - _begin > _ring.Length)
            _begin += Head + ReadHead(_begin).Length;
        Span<byte> head = stackalloc byte[Head];
        BinaryPrimitives.WriteInt32LittleEndian(head, frame.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head[4..], ticks);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], port);
        Put(_end, head);
        Put(_end + Head, frame);
        _end += size;
    }

    private (int Length, long Ticks, int Port) ReadHead(long at)
    {
        Span<byte> head = stackalloc byte[Head];
        Copy(at, head);
        return (
            BinaryPrimitives.ReadInt32LittleEndian(head),
            BinaryPrimitives.ReadInt64LittleEndian(head[4..]),
            BinaryPrimitives.ReadInt32LittleEndian(head[12..])
        );
    }

    private void Put(long at, ReadOnlySpan<byte> from)
    {
        int place = (int)(at % _ring.Length),
            first = Math.Min(from.Length, _ring.Length - place);
        from[..first].CopyTo(_ring.AsSpan(place));
        from[first..].CopyTo(_ring);
    }

    private void Copy(long at, Span<byte> to)
    {
        int place = (int)(at % _ring.Length),
            first = Math.Min(to.Length, _ring.Length - place);
        _ring.AsSpan(place, first).CopyTo(to);
        _ring.AsSpan(0, to.Length - first).CopyTo(to[first..]);
    }
}

/// <summary>A frame that was kept.</summary>
/// <param name="Time">When it came in.</param>
/// <param name="Port">The number of the port that it came in by.</param>
/// <param name="Bytes">The frame, without its length.</param>
/// <param name="Begin">Where it begins in all that was ever kept.</param>
/// <param name="End">Where the next one begins.</param>
internal sealed record CapturedFrame(DateTimeOffset Time, int Port, byte[] Bytes, long Begin, long End);
