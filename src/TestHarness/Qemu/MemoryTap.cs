using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Qemu;

/// <summary>
/// Takes a guest's memory out of a migration's stream, into a file, and passes on the rest. QEMU's own receiver looks at each page before
/// it writes it: the host has to give it each of them, which takes seconds.
/// </summary>
/// <remarks>QEMU's docs/devel/migration.rst, and the records of migration/ram.c.</remarks>
/// <param name="memory">The file: empty, as large as the memory.</param>
/// <param name="bytes">The memory's size, by which its block is known.</param>
internal sealed class MemoryTap(SafeFileHandle memory, long bytes)
{
    private const int PageBytes = 4096;
    private const int MostAtOnce = 256 * PageBytes;
    private const int BufferBytes = 1024 * 1024;

    // Of a stream: until the memory's section begins.
    private const int LongestHead = 64 * 1024;

    private const byte SectionStart = 1;
    private const byte SectionPart = 2;
    private const byte SectionEnd = 3;
    private const byte SectionFooter = 0x7e;

    // Flags of a record, in the low bits of its address.
    private const long AllFlags = PageBytes - 1;
    private const long Zero = 0x02;
    private const long MemorySize = 0x04;
    private const long Page = 0x08;
    private const long EndOfRecords = 0x10;
    private const long SameBlock = 0x20;

    private static readonly byte[] Ram = [3, .. "ram"u8];

    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly byte[] _pages = new byte[MostAtOnce];

    // Who sends names a block where it is another one than that of the record before; who receives has seen fewer of them.
    private byte[] _block = [];
    private byte[] _told = [];
    private Stream _from = Stream.Null;
    private Stream _to = Stream.Null;
    private int _start;
    private int _end;
    private long _pagesAt;
    private int _pagesLength;

    /// <summary>Copies a stream to its end.</summary>
    /// <param name="from">What QEMU sends.</param>
    /// <param name="to">Where all but the memory goes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="QmpRefusedException">The stream is not of the kind that is known.</exception>
    public async Task CopyAsync(Stream from, Stream to, CancellationToken cancellationToken)
    {
        var buffered = new BufferedStream(to, BufferBytes);
        (_from, _to) = (from, buffered);
        await PassHeadAsync(cancellationToken).ConfigureAwait(false);
        byte[] name = await PassBlocksAsync(cancellationToken).ConfigureAwait(false);
        while (await PassSectionAsync(name, cancellationToken).ConfigureAwait(false)) { }
        WritePages();
        await PassAsync(_end - _start, cancellationToken).ConfigureAwait(false);
        await buffered.FlushAsync(cancellationToken).ConfigureAwait(false);
        await from.CopyToAsync(to, BufferBytes, cancellationToken).ConfigureAwait(false);
    }

    // Up to the section that says which blocks of memory there are.
    private async Task PassHeadAsync(CancellationToken cancellationToken)
    {
        const int Header = 1 + sizeof(int);
        for (int passed = 0; passed < LongestHead; passed++)
        {
            await NeedAsync(Header + Ram.Length + (2 * sizeof(int)), cancellationToken).ConfigureAwait(false);
            if (_buffer[_start] == SectionStart && _buffer.AsSpan(_start + Header, Ram.Length).SequenceEqual(Ram))
            {
                await PassAsync(Header + Ram.Length + (2 * sizeof(int)), cancellationToken).ConfigureAwait(false);
                return;
            }

            await PassAsync(1, cancellationToken).ConfigureAwait(false);
        }

        throw Unknown("it has no section of its memory");
    }

    private async Task<byte[]> PassBlocksAsync(CancellationToken cancellationToken)
    {
        long left = await NextAsync(cancellationToken).ConfigureAwait(false);
        if ((left & AllFlags) != MemorySize)
            throw Unknown($"its blocks begin with the flags {left & AllFlags:x}");
        await PassAsync(sizeof(long), cancellationToken).ConfigureAwait(false);
        byte[]? name = null;
        for (left &= ~AllFlags; left > 0; )
        {
            await NeedAsync(1, cancellationToken).ConfigureAwait(false);
            int length = 1 + _buffer[_start];
            await NeedAsync(length + sizeof(long), cancellationToken).ConfigureAwait(false);
            long size = BinaryPrimitives.ReadInt64BigEndian(_buffer.AsSpan(_start + length));
            if (size == bytes)
                name = _buffer[_start..(_start + length)];
            left -= size;
            await PassAsync(length + sizeof(long), cancellationToken).ConfigureAwait(false);
        }

        if (name is null || left < 0 || await NextAsync(cancellationToken).ConfigureAwait(false) != EndOfRecords)
            throw Unknown($"it has no block of {bytes} bytes");
        await PassAsync(sizeof(long), cancellationToken).ConfigureAwait(false);
        await PassFooterAsync(cancellationToken).ConfigureAwait(false);
        return name;
    }

    // False after the last one of the memory.
    private async Task<bool> PassSectionAsync(byte[] name, CancellationToken cancellationToken)
    {
        await NeedAsync(1 + sizeof(int), cancellationToken).ConfigureAwait(false);
        byte kind = _buffer[_start];
        if (kind is not (SectionPart or SectionEnd))
            throw Unknown($"a section of kind {kind:x} is among those of its memory");
        await PassAsync(1 + sizeof(int), cancellationToken).ConfigureAwait(false);
        while (true)
        {
            long record = await NextAsync(cancellationToken).ConfigureAwait(false);
            long flags = record & AllFlags;
            if (flags == EndOfRecords)
                break;
            _start += sizeof(long);
            if ((flags & SameBlock) == 0)
            {
                await NeedAsync(1, cancellationToken).ConfigureAwait(false);
                int length = 1 + _buffer[_start];
                await NeedAsync(length, cancellationToken).ConfigureAwait(false);
                _block = _buffer[_start..(_start + length)];
                _start += length;
            }

            int content = (flags & ~SameBlock) switch
            {
                Zero => 1,
                Page => PageBytes,
                _ => throw Unknown($"a record has the flags {flags:x}"),
            };
            await NeedAsync(content, cancellationToken).ConfigureAwait(false);
            if (_block.AsSpan().SequenceEqual(name))
            {
                Take(record & ~AllFlags, content);
                continue;
            }

            bool isTold = _block.AsSpan().SequenceEqual(_told);
            long header = (record & ~SameBlock) | (isTold ? SameBlock : 0);
            await TellAsync(header, isTold ? [] : _block, cancellationToken).ConfigureAwait(false);
            _told = _block;
            await PassAsync(content, cancellationToken).ConfigureAwait(false);
        }

        await PassAsync(sizeof(long), cancellationToken).ConfigureAwait(false);
        await PassFooterAsync(cancellationToken).ConfigureAwait(false);
        return kind == SectionPart;
    }

    private void Take(long at, int content)
    {
        if (at < 0 || at > bytes - PageBytes)
            throw Unknown($"a page is at {at:x}");
        ReadOnlySpan<byte> found = _buffer.AsSpan(_start, content);
        _start += content;
        // What is zero is so in the file.
        if (content == 1)
        {
            if (found[0] != 0)
                throw Unknown($"a page is full of {found[0]:x}");
            return;
        }

        if (at != _pagesAt + _pagesLength || _pagesLength == MostAtOnce)
        {
            WritePages();
            _pagesAt = at;
        }

        found.CopyTo(_pages.AsSpan(_pagesLength));
        _pagesLength += content;
    }

    private void WritePages()
    {
        RandomAccess.Write(memory, _pages.AsSpan(0, _pagesLength), _pagesAt);
        _pagesLength = 0;
    }

    private async Task TellAsync(long record, byte[] block, CancellationToken cancellationToken)
    {
        byte[] header = [.. new byte[sizeof(long)], .. block];
        BinaryPrimitives.WriteInt64BigEndian(header, record);
        await _to.WriteAsync(header, cancellationToken).ConfigureAwait(false);
    }

    private async Task PassFooterAsync(CancellationToken cancellationToken)
    {
        await NeedAsync(1 + sizeof(int), cancellationToken).ConfigureAwait(false);
        if (_buffer[_start] != SectionFooter)
            throw Unknown($"a section of its memory ends with {_buffer[_start]:x}");
        await PassAsync(1 + sizeof(int), cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> NextAsync(CancellationToken cancellationToken)
    {
        await NeedAsync(sizeof(long), cancellationToken).ConfigureAwait(false);
        return BinaryPrimitives.ReadInt64BigEndian(_buffer.AsSpan(_start));
    }

    private async ValueTask NeedAsync(int count, CancellationToken cancellationToken)
    {
        if (_end - _start >= count)
            return;
        _buffer.AsSpan(_start.._end).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        _end += await _from
            .ReadAtLeastAsync(_buffer.AsMemory(_end), count - _end, throwOnEndOfStream: true, cancellationToken)
            .ConfigureAwait(false);
    }

    private async ValueTask PassAsync(int count, CancellationToken cancellationToken)
    {
        await _to.WriteAsync(_buffer.AsMemory(_start, count), cancellationToken).ConfigureAwait(false);
        _start += count;
    }

    private static QmpRefusedException Unknown(string what) =>
        new(FormattableString.Invariant($"what this QEMU sends of a machine is not known to this library: {what}"));
}
