namespace TestHarness.Networks.Ethernet;

/// <summary>Frames of one sender that wait for one receiver: a ring of bytes with a bound. Its owner's lock guards it.</summary>
internal sealed class FrameQueue
{
    /// <summary>What one sender may have waiting for one receiver, in bytes.</summary>
    public const int Room = 128 * 1024;

    // The rest of a frame that was sent in part always finds room.
    private readonly byte[] _ring = new byte[Room + EthernetFrame.Prefix + EthernetFrame.Largest];
    private int _head;

    /// <summary>How many bytes wait.</summary>
    public int Count { get; private set; }

    /// <summary>How many bytes of the first frame are left, where a part of it has gone.</summary>
    public int Begun { get; private set; }

    /// <summary>Puts whole frames behind the others, as many as there is room for.</summary>
    /// <param name="frames">The frames, each with its length.</param>
    /// <returns>How many bytes of them found room.</returns>
    public int Add(ReadOnlySpan<byte> frames)
    {
        int end = 0;
        while (end < frames.Length)
        {
            int length = EthernetFrame.Prefix + EthernetFrame.LengthOf(frames[end..]);
            if (Count + end + length > Room)
                break;
            end += length;
        }

        Copy(frames[..end]);
        return end;
    }

    /// <summary>Puts the rest of a frame of which a part was sent into a queue that is empty.</summary>
    public void AddRest(ReadOnlySpan<byte> rest)
    {
        Begun = rest.Length;
        Copy(rest);
    }

    /// <summary>Gets what is next, up to the ring's end.</summary>
    public ReadOnlySpan<byte> Next => _ring.AsSpan(_head, Math.Min(Count, _ring.Length - _head));

    /// <summary>Forgets all frames but the rest of one that has begun.</summary>
    public void ClearWhole() => Count = Begun;

    /// <summary>Forgets all.</summary>
    public void Clear() => (_head, Count, Begun) = (0, 0, 0);

    /// <summary>Takes away what was sent.</summary>
    public void Remove(int count)
    {
        while (count > 0)
        {
            if (Begun == 0)
                Begun = EthernetFrame.Prefix + FirstLength();
            int part = Math.Min(count, Begun);
            Begun -= part;
            Count -= part;
            count -= part;
            _head = (_head + part) % _ring.Length;
        }
    }

    // A length may lie over the ring's end.
    private int FirstLength()
    {
        int length = 0;
        for (int index = 0; index < EthernetFrame.Prefix; index++)
            length = (length << 8) | _ring[(_head + index) % _ring.Length];
        return length;
    }

    private void Copy(ReadOnlySpan<byte> bytes)
    {
        int tail = (_head + Count) % _ring.Length,
            first = Math.Min(bytes.Length, _ring.Length - tail);
        bytes[..first].CopyTo(_ring.AsSpan(tail));
        bytes[first..].CopyTo(_ring);
        Count += bytes.Length;
    }
}
