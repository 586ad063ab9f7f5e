using System.Formats.Tar;
using System.Globalization;
using System.Text;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// Reads the members of a package's archive, one after the other. What stands before a member's header (a long name, attributes) is
/// bounded; .NET's own reader takes as much of it into memory as the archive claims.
/// </summary>
internal sealed class PackageTar(Stream stream)
{
    private const int MostAttributes = 64 * 1024;

    // What is left of the last member.
    private Func<CancellationToken, Task> _skip = _ => Task.CompletedTask;

    /// <summary>Returns the next member; <see langword="null"/> at the end.</summary>
    /// <exception cref="InvalidDataException">It is no archive, or has too much before a member.</exception>
    /// <exception cref="EndOfStreamException">It ends in the middle.</exception>
    public async Task<PackageMember?> NextAsync(CancellationToken cancellationToken)
    {
        await _skip(cancellationToken).ConfigureAwait(false);
        _skip = _ => Task.CompletedTask;
        string? name = null;
        long? size = null;
        long before = 0;
        var header = new byte[TarHeader.Length];
        while (true)
        {
            int count = await stream
                .ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, cancellationToken)
                .ConfigureAwait(false);
            if (count == 0 || (count == header.Length && !header.AsSpan().ContainsAnyExcept((byte)0)))
                return null;
            if (count < header.Length)
                throw new EndOfStreamException();
            if (!TarHeader.IsSound(header))
                throw new InvalidDataException("what is in it is no tar archive");
            long bytes = TarHeader.Size(header);
            if (header[156] is not ((byte)'x' or (byte)'g' or (byte)'L' or (byte)'K'))
            {
                var content = new Content(stream, size ?? bytes);
                _skip = content.SkipAsync;
                return new PackageMember((TarEntryType)header[156], name ?? TarHeader.Name(header), size ?? bytes, content);
            }

            before += TarHeader.Length;
            if (bytes > MostAttributes - before)
                throw new InvalidDataException($"it has a name or attributes of {bytes} bytes");
            before += bytes;
            var data = new byte[TarHeader.Padded(bytes)];
            await stream.ReadExactlyAsync(data, cancellationToken).ConfigureAwait(false);
            if (header[156] == (byte)'L')
                name = TarHeader.Text(data.AsSpan(0, (int)bytes));
            if (header[156] != (byte)'x')
                continue;
            foreach ((string key, string value) in Attributes(data, (int)bytes))
            {
                name = key == "path" ? value : name;
                size =
                    key != "size" ? size
                    : long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long stated)
                    && stated <= long.MaxValue - TarHeader.Length
                        ? stated
                    : throw new InvalidDataException("a size in the archive does not parse");
            }
        }
    }

    // Records of "length key=value\n", the length in decimal digits and that of the whole record.
    private static IEnumerable<(string Key, string Value)> Attributes(byte[] data, int length)
    {
        for (int at = 0; at < length; )
        {
            int space = Array.IndexOf(data, (byte)' ', at, length - at);
            if (
                space < 0
                || !int.TryParse(
                    Encoding.ASCII.GetString(data, at, space - at),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out int whole
                )
                || whole > length - at
                || at + whole - 1 <= space
                || data[at + whole - 1] != '\n'
            )
            {
                throw new InvalidDataException("its attributes do not parse");
            }

            string record = Encoding.UTF8.GetString(data, space + 1, at + whole - space - 2);
            int equals = record.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
                throw new InvalidDataException("its attributes do not parse");
            yield return (record[..equals], record[(equals + 1)..]);
            at += whole;
        }
    }

    // A member's bytes; the padding behind them is read with the next header.
    private sealed class Content(Stream inner, long length) : Stream
    {
        private long _taken;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => _taken;
            set => throw new NotSupportedException();
        }

        public async Task SkipAsync(CancellationToken cancellationToken)
        {
            await CopyToAsync(Null, cancellationToken).ConfigureAwait(false);
            await inner.ReadExactlyAsync(new byte[TarHeader.Padded(length) - length], cancellationToken).ConfigureAwait(false);
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await inner
                .ReadAsync(buffer[..(int)Math.Min(buffer.Length, length - _taken)], cancellationToken)
                .ConfigureAwait(false);
            if (count == 0 && _taken < length && !buffer.IsEmpty)
                throw new EndOfStreamException();
            _taken += count;
            return count;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>A member of a package's archive.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Name">Its name.</param>
/// <param name="Length">How long its content is said to be.</param>
/// <param name="Content">The content, until the next member is read.</param>
internal sealed record PackageMember(TarEntryType Type, string Name, long Length, Stream Content);
