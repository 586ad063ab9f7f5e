using System.Text;
using TestHarness.Hosts;

namespace TestHarness.Files;

/// <summary>
/// Passes on of a guest's tar archive what a pull may bring, as it comes: folders, files, links. Devices, pipes and what else the format
/// knows are left out, and no mode sets user or group. Names are not judged here: GNU tar, which unpacks the rest into an empty folder,
/// lets none lead out of it.
/// </summary>
internal sealed class TarSieve(Stream from, Stream to, Action<long> onBytes)
{
    private const int Block = TarHeader.Length;

    // A long name or a list of attributes is held until it is known what it belongs to.
    private const int LargestPrefix = 1024 * 1024;

    private const int MostEntries = 10_000_000;

    // Of one file: a map of 1.3 million pieces.
    private const int MostMapBlocks = 64 * 1024;

    // Of what nobody gets: the content of unknown entries, and what comes behind the end.
    private const long MostThrownAway = 64 * 1024 * 1024;

    private readonly byte[] _buffer = new byte[128 * 1024];
    private long _bytes;
    private long _thrownAway;
    private int _entries;

    /// <summary>Copies up to the archive's end. What follows it is read and thrown away, so that whoever sends it can end.</summary>
    /// <exception cref="InvalidDataException">It is no tar archive, or has more in it than any honest one.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var header = new byte[Block];
        using var held = new MemoryStream();
        while (await ReadHeaderAsync(header, cancellationToken).ConfigureAwait(false))
            await PassAsync(header, held, cancellationToken).ConfigureAwait(false);
        await to.WriteAsync(new byte[2 * Block], cancellationToken).ConfigureAwait(false);
        while (await from.ReadAsync(_buffer, cancellationToken).ConfigureAwait(false) is var count and > 0)
            ThrowAway(count);
    }

    private async Task PassAsync(byte[] header, MemoryStream held, CancellationToken cancellationToken)
    {
        if (++_entries > MostEntries)
            throw new InvalidDataException($"the guest's archive has more than {MostEntries} entries");
        if (!TarHeader.IsSound(header))
            throw new InvalidDataException("what the guest sent is no tar archive");
        long size = TarHeader.Padded(TarHeader.Size(header));
        switch ((char)header[156])
        {
            case 'L' or 'K' or 'x':
                if (size > LargestPrefix - held.Length)
                    throw new InvalidDataException($"the guest's archive has a name or attributes of {size} bytes");
                held.Write(header);
                await CopyAsync(held, size, cancellationToken).ConfigureAwait(false);
                // It would stand in place of the header's, and the rest be read in another way here than by tar.
                if (header[156] == 'x' && held.GetBuffer().AsSpan(0, (int)held.Length).IndexOf(" size="u8) >= 0)
                    throw new InvalidDataException("the guest's archive has a size where only pax has one");
                return;
            case '0' or '\0' or '1' or '2' or '5' or '7' or 'S':
                SetMode(header);
                await to.WriteAsync(held.GetBuffer().AsMemory(0, (int)held.Length), cancellationToken).ConfigureAwait(false);
                await to.WriteAsync(header, cancellationToken).ConfigureAwait(false);
                if (header[156] == (byte)'S' && header[482] != 0)
                    await PassSparseMapAsync(cancellationToken).ConfigureAwait(false);
                await CopyAsync(to, HasContent(header) ? size : 0, cancellationToken).ConfigureAwait(false);
                break;
            default:
                ThrowAway(HasContent(header) ? size : 0);
                await CopyAsync(Stream.Null, HasContent(header) ? size : 0, cancellationToken).ConfigureAwait(false);
                break;
        }

        held.SetLength(0);
    }

    private void ThrowAway(long size)
    {
        if (size > MostThrownAway - _thrownAway)
            throw new InvalidDataException($"the guest's archive has more than {MostThrownAway} bytes that are no file's");
        _thrownAway += size;
    }

    // What a header claims of links, devices, folders and pipes is no content: readers go by the kind.
    private static bool HasContent(byte[] header) => header[156] is not (>= (byte)'1' and <= (byte)'6');

    // Blocks between the header and the content of an old GNU sparse file, of which the size says nothing.
    private async Task PassSparseMapAsync(CancellationToken cancellationToken)
    {
        var block = new byte[Block];
        int blocks = 0;
        do
        {
            if (++blocks > MostMapBlocks)
                throw new InvalidDataException($"the guest's archive has a file with a map of more than {MostMapBlocks} blocks");
            await from.ReadExactlyAsync(block, cancellationToken).ConfigureAwait(false);
            await to.WriteAsync(block, cancellationToken).ConfigureAwait(false);
        } while (block[504] != 0);
    }

    // A folder that its owner can't enter could not be filled, copied or deleted by a caller who is not root.
    private static void SetMode(byte[] header)
    {
        const long Rights = 0x1ff,
            Owners = 0x1c0,
            OwnerReads = 0x100;
        long mode = (TarHeader.Number(header, 100, 8) & Rights) | (header[156] == '5' ? Owners : OwnerReads);
        WriteOctal(header, 100, 8, mode);
        WriteOctal(header, 148, 7, TarHeader.Checksum(header));
        header[155] = (byte)' ';
    }

    private async Task<bool> ReadHeaderAsync(byte[] header, CancellationToken cancellationToken)
    {
        int count = await from.ReadAtLeastAsync(header, Block, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (count is not (0 or Block))
            throw new InvalidDataException("the guest's archive breaks off in the middle of a header");
        return count == Block && header.AsSpan().ContainsAnyExcept((byte)0);
    }

    private async Task CopyAsync(Stream target, long size, CancellationToken cancellationToken)
    {
        while (size > 0)
        {
            int count = await from.ReadAsync(_buffer.AsMemory(0, (int)Math.Min(size, _buffer.Length)), cancellationToken)
                .ConfigureAwait(false);
            if (count == 0)
                throw new InvalidDataException("the guest's archive breaks off in the middle of a file");
            await target.WriteAsync(_buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            size -= count;
            onBytes(_bytes += count);
        }
    }

    private static void WriteOctal(byte[] header, int at, int length, long value)
    {
        string digits = Convert.ToString(value, 8).PadLeft(length - 1, '0');
        Encoding.ASCII.GetBytes(digits, header.AsSpan(at));
        header[at + length - 1] = 0;
    }
}
