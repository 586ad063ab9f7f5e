using System.Globalization;
using System.Text;

namespace TestHarness.Text;

/// <summary>
/// Keeps the beginning and the end of a stream of bytes of any length, in bounded memory. Positions are those in the whole stream, so that
/// they stay what they are when bytes between the two are dropped. Not safe for threads.
/// </summary>
internal sealed class HeadAndTail(int headBytes, int tailBytes)
{
    // The tail becomes a ring once it has its full size; up to then nothing is dropped.
    private byte[] _head = [];
    private byte[] _tail = [];

    /// <summary>Gets how many bytes were appended.</summary>
    public long Length { get; private set; }

    /// <summary>Gets how many bytes between head and tail are lost.</summary>
    public long Dropped => Math.Max(0, Length - headBytes - tailBytes);

    /// <summary>Appends bytes; what is in the way of them at the beginning of the tail is dropped.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        int toHead = (int)Math.Clamp(headBytes - Length, 0, bytes.Length);
        if (toHead > 0)
        {
            Grow(ref _head, Length + toHead, headBytes);
            bytes[..toHead].CopyTo(_head.AsSpan((int)Length));
            Length += toHead;
            bytes = bytes[toHead..];
        }

        if (!bytes.IsEmpty)
            AppendToTail(bytes);
    }

    /// <summary>Returns the first position at or after this one whose byte is kept.</summary>
    public long Kept(long position) => position < headBytes ? position : Math.Max(position, headBytes + Dropped);

    /// <summary>Returns where the bytes around a kept position begin: at the first byte, or behind what is dropped.</summary>
    public long Beginning(long position) => position < headBytes || Dropped == 0 ? 0 : headBytes + Dropped;

    /// <summary>Returns how many bytes there are from a kept position up to the end, or up to what is dropped.</summary>
    public int CountFrom(long position) => (int)((position < headBytes && Dropped > 0 ? headBytes : Length) - position);

    /// <summary>Copies bytes from a kept position on, at most <see cref="CountFrom"/>.</summary>
    public void CopyTo(long from, Span<byte> to)
    {
        while (!to.IsEmpty)
        {
            ReadOnlySpan<byte> part =
                from < headBytes ? _head.AsSpan((int)from, (int)Math.Min(headBytes, Length) - (int)from) : _tail.AsSpan(InTail(from));
            int count = Math.Min(part.Length, to.Length);
            part[..count].CopyTo(to);
            from += count;
            to = to[count..];
        }
    }

    /// <summary>Returns the last bytes, but none from before what is dropped.</summary>
    public byte[] Last(int bytes)
    {
        long from = Math.Max(Beginning(Length), Length - bytes);
        var last = new byte[CountFrom(from)];
        CopyTo(from, last);
        return last;
    }

    private string Missing => string.Create(CultureInfo.InvariantCulture, $"\n[… {Dropped} bytes dropped …]\n");

    /// <summary>Returns all that is kept, with a line that says how much is missing where something is.</summary>
    public ReadOnlyMemory<byte> ToMemory()
    {
        if (Length <= headBytes)
            return _head.AsMemory(0, (int)Length);
        byte[] marker = Dropped == 0 ? [] : Encoding.UTF8.GetBytes(Missing);
        long tail = headBytes + Dropped;
        var all = new byte[headBytes + marker.Length + CountFrom(tail)];
        CopyTo(0, all.AsSpan(0, headBytes));
        marker.CopyTo(all, headBytes);
        CopyTo(tail, all.AsSpan(headBytes + marker.Length));
        return all;
    }

    private void AppendToTail(ReadOnlySpan<byte> bytes)
    {
        int lost = Math.Max(0, bytes.Length - tailBytes);
        Length += lost;
        bytes = bytes[lost..];
        Grow(ref _tail, Length + bytes.Length - headBytes, tailBytes);
        while (!bytes.IsEmpty)
        {
            Span<byte> room = _tail.AsSpan(InTail(Length));
            int count = Math.Min(room.Length, bytes.Length);
            bytes[..count].CopyTo(room);
            Length += count;
            bytes = bytes[count..];
        }
    }

    private int InTail(long position) => (int)((position - headBytes) % _tail.Length);

    private static void Grow(ref byte[] buffer, long needed, int limit)
    {
        if (buffer.Length < Math.Min(needed, limit))
            Array.Resize(ref buffer, (int)Math.Min(limit, Math.Max(needed, 2L * buffer.Length)));
    }
}
