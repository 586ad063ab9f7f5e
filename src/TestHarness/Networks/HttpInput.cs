using System.Text;

namespace TestHarness.Networks;

/// <summary>Reads lines and counted bytes from a stream.</summary>
internal sealed class HttpInput(Stream stream)
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>
    /// Reads a line, which ends with CR LF, and returns it without them; <see langword="null"/> at the end of the stream.
    /// </summary>
    /// <param name="atMost">How many bytes it may have.</param>
    /// <param name="tooLong">The status code for a longer one.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="HttpFaultException">The line is too long, or ends otherwise.</exception>
    public async ValueTask<string?> ReadLineAsync(int atMost, int tooLong, CancellationToken cancellationToken)
    {
        var line = new List<byte>();
        while (true)
        {
            if (_start == _end && !await FillAsync(cancellationToken).ConfigureAwait(false))
                return line.Count == 0 ? null : throw new EndOfStreamException();
            int count = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            bool whole = count >= 0;
            count = whole ? count + 1 : _end - _start;
            if (line.Count + count > atMost + 2)
                throw new HttpFaultException(tooLong, "a line is too long");
            line.AddRange(_buffer.AsSpan(_start, count));
            _start += count;
            if (!whole)
                continue;
            if (line.Count < 2 || line[^2] != '\r')
                throw new HttpFaultException(400, "a line does not end with CR LF");
            return Encoding.Latin1.GetString([.. line[..^2]]);
        }
    }

    /// <summary>Reads exactly so many bytes.</summary>
    /// <exception cref="EndOfStreamException">There are fewer.</exception>
    public async ValueTask ReadExactlyAsync(Memory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            if (_start == _end && !await FillAsync(cancellationToken).ConfigureAwait(false))
                throw new EndOfStreamException();
            int count = Math.Min(bytes.Length, _end - _start);
            _buffer.AsMemory(_start, count).CopyTo(bytes);
            _start += count;
            bytes = bytes[count..];
        }
    }

    private async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        _start = 0;
        _end = await stream.ReadAsync(_buffer, cancellationToken).ConfigureAwait(false);
        return _end > 0;
    }
}
