using System.Buffers.Binary;
using System.Text;
using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// Looks at a qcow2 file's header and first-level table before QEMU opens it, so that a damaged disk is refused in words that help. Strict
/// with our disks, which are made by qemu-img: what it would not have written is a fault. A user's may have what any QEMU writes, but
/// nothing that leads to another file unseen. Format: https://www.qemu.org/docs/master/interop/qcow2.html.
/// </summary>
internal static class QcowHeader
{
    private const uint Magic = 0x514649fb;
    private const int Version2Length = 72;
    private const int Version3Length = 104;
    private const int LongestRead = 4096;
    private const int MaxFirstLevelEntries = 4 * 1024 * 1024;
    private const long MaxSize = 1L << 46;
    private const ulong SmallestSnapshot = 40;

    // Of a table entry, the bits that hold the offset; the highest says that no snapshot shares it; the others are reserved.
    private const ulong OffsetBits = 0x00ff_ffff_ffff_fe00;
    private const ulong OwnBit = 1UL << 63;

    // Header extensions that do not change what is read: the backing file's format, and the names of feature bits.
    private const uint EndOfExtensions = 0;
    private const uint BackingFormat = 0xe2792aca;
    private const uint FeatureNames = 0x6803f857;

    // Those that are refused by name.
    private const uint DataFile = 0x44415441;
    private const uint Encryption = 0x0537be77;

    // Incompatible features: not closed properly, marked corrupt, data in another file, packed in another way, larger second-level entries.
    private const ulong Corrupt = 1 << 1;
    private const ulong ExternalData = 1 << 2;
    private const ulong LargeEntries = 1 << 4;
    private const ulong Harmless = 1 | 1 << 3 | LargeEntries;

    /// <summary>Refuses an image whose disk is not as it was made; returns the disk's size in bytes.</summary>
    /// <exception cref="ImageException">It is damaged.</exception>
    public static long Require(GuestImage image)
    {
        if (FindFault(image.DiskPath, QcowBacking.None, out QcowFacts facts) is not { } fault)
            return facts.Size;
        throw new ImageException(
            image.Name,
            new FailureText($"Image '{image.Name}': its disk is damaged.")
                .Add("File", image.DiskPath)
                .Add("Reason", fault)
                .Try($"rm -r '{image.Folder}'; the next start builds the image again.")
        );
    }

    /// <summary>Returns what is wrong with a file, or <see langword="null"/>. Reads some kilobytes.</summary>
    public static string? FindFault(string path, QcowBacking backing) => FindFault(path, backing, out _);

    /// <summary>Returns what is wrong with a file, or <see langword="null"/> and what it says of itself.</summary>
    public static string? FindFault(string path, QcowBacking backing, out QcowFacts facts)
    {
        facts = new QcowFacts(0, null, null);
        try
        {
            if (!Native.IsOrdinaryFile(path))
                return "it is not an ordinary file";
            using FileStream file = File.OpenRead(path);
            var start = new byte[LongestRead];
            int count = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            ReadOnlySpan<byte> header = start.AsSpan(0, count);
            if ((CheckHeader(header, file.Length, backing) ?? CheckFirstLevel(file, header)) is { } fault)
                return fault;
            facts = ReadFacts(header);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static string? CheckHeader(ReadOnlySpan<byte> header, long length, QcowBacking backing)
    {
        if (header.Length < Version3Length || Word(header, 0) != Magic)
            return header.Length == 0 ? "it is empty" : "it is not in qcow2 format";
        uint version = Word(header, 4),
            clusterBits = Word(header, 20),
            firstLevelEntries = Word(header, 36),
            refcountClusters = Word(header, 56);
        ulong backingOffset = Long(header, 8),
            size = Long(header, 24),
            firstLevel = Long(header, 40),
            refcounts = Long(header, 48);
        uint backingLength = Word(header, 16);
        if (version is not (2 or 3))
            return $"its format version is {version}, not 2 or 3";
        if (backing == QcowBacking.None && (backingOffset != 0 || backingLength != 0))
            return "it names a backing file, which an image has none of";
        if (
            (backing == QcowBacking.One || backingOffset != 0 || backingLength != 0)
            && (
                backingOffset == 0
                || backingLength is 0 or > 1023
                || backingOffset > (ulong)header.Length
                || backingLength > (ulong)header.Length - backingOffset
            )
        )
            return "it does not name its backing file";
        if (clusterBits is < 9 or > 21)
            return $"its clusters have 2^{clusterBits} bytes";
        if (size is 0 or > MaxSize)
            return $"its size is {size} bytes";
        if (Word(header, 32) is var encryption and not 0)
            return $"it is encrypted ({(encryption == 2 ? "LUKS" : "AES")})";
        // One entry of the first level stands for a cluster of 8-byte or 16-byte entries, each of which stands for a cluster.
        ulong perEntry = 1UL << (int)(2 * clusterBits - (version == 3 && (Long(header, 72) & LargeEntries) != 0 ? 4u : 3u));
        if (firstLevelEntries > MaxFirstLevelEntries || firstLevelEntries < (size + perEntry - 1) / perEntry)
            return $"its first-level table has {firstLevelEntries} entries, which does not fit its size";
        if (!IsInside(firstLevel, firstLevelEntries * 8UL, clusterBits, length))
            return $"its first-level table lies outside the file, at {firstLevel}";
        if (refcountClusters == 0 || !IsInside(refcounts, (ulong)refcountClusters << (int)clusterBits, clusterBits, length))
            return $"its table of reference counts lies outside the file, at {refcounts}";
        uint snapshots = Word(header, 60);
        ulong snapshotTable = Long(header, 64);
        if (backing != QcowBacking.Any && (snapshots != 0 || snapshotTable != 0))
            return "it has snapshots, which an image has none of";
        if ((snapshots | snapshotTable) != 0 && !IsInside(snapshotTable, snapshots * SmallestSnapshot, clusterBits, length))
            return $"its table of snapshots lies outside the file, at {snapshotTable}";
        return version == 2
            ? CheckExtensions(header, Version2Length, backingOffset, backing)
            : CheckVersion3(header, clusterBits, backingOffset, backing);
    }

    private static string? CheckVersion3(ReadOnlySpan<byte> header, uint clusterBits, ulong backingOffset, QcowBacking backing)
    {
        uint headerLength = Word(header, 100),
            refcountOrder = Word(header, 96);
        ulong features = Long(header, 72);
        if (backing == QcowBacking.Any && (features & ExternalData) != 0)
            return "its data is in another file (data-file)";
        if (backing == QcowBacking.Any && (features & Corrupt) != 0)
            return "it is marked as corrupt: QEMU found damage in it";
        // Left dirty, marked corrupt, an external data file, and what later versions may bring.
        if ((backing == QcowBacking.Any ? features & ~Harmless : features) != 0)
            return $"it has features that an image does not have (incompatible feature bits {features:x})";
        if (backing != QcowBacking.Any && Long(header, 88) != 0)
            return $"it has features that an image does not have (autoclear feature bits {Long(header, 88):x})";
        if (refcountOrder > 6)
            return $"its reference counts have 2^{refcountOrder} bits";
        // The type of compression, where the header is long enough to name one: ours is the oldest.
        if (
            headerLength > Version3Length
            && header.Length > Version3Length
            && header[Version3Length] > (backing == QcowBacking.Any ? 1 : 0)
        )
            return $"its compression is of type {header[Version3Length]}";
        return
            headerLength < Version3Length || headerLength % 8 != 0 || headerLength > Math.Min(1U << (int)clusterBits, (uint)header.Length)
            ? $"its header is said to have {headerLength} bytes"
            : CheckExtensions(header, (int)headerLength, backingOffset, backing);
    }

    private static string? CheckExtensions(ReadOnlySpan<byte> header, int at, ulong backingOffset, QcowBacking backing)
    {
        int end = EndOfHeader(header, backingOffset);
        while (at + 8 <= end)
        {
            uint type = Word(header, at),
                length = Word(header, at + 4);
            if (type == EndOfExtensions)
                return null;
            if (type is DataFile or Encryption)
                return type == DataFile ? "its data is in another file (data-file)" : "it is encrypted (LUKS)";
            if (backing != QcowBacking.Any && type is not (BackingFormat or FeatureNames))
                return $"its header has an extension that an image does not have ({type:x8})";
            if (length > end - at - 8)
                return "an extension of its header is longer than the header";
            at += 8 + (int)((length + 7) & ~7U);
        }

        return null;
    }

    // Of a header that was checked.
    private static QcowFacts ReadFacts(ReadOnlySpan<byte> header)
    {
        ulong backingOffset = Long(header, 8);
        string? name = backingOffset == 0 ? null : Encoding.UTF8.GetString(header.Slice((int)backingOffset, (int)Word(header, 16)));
        int end = EndOfHeader(header, backingOffset);
        int at = Word(header, 4) == 2 ? Version2Length : (int)Word(header, 100);
        while (at + 8 <= end && Word(header, at) is var type and not EndOfExtensions)
        {
            int length = (int)Word(header, at + 4);
            if (type == BackingFormat)
                return new QcowFacts((long)Long(header, 24), name, Encoding.UTF8.GetString(header.Slice(at + 8, length)));
            at += 8 + ((length + 7) & ~7);
        }

        return new QcowFacts((long)Long(header, 24), name, null);
    }

    private static int EndOfHeader(ReadOnlySpan<byte> header, ulong backingOffset) =>
        backingOffset != 0 ? (int)Math.Min(backingOffset, (ulong)header.Length) : header.Length;

    private static string? CheckFirstLevel(FileStream file, ReadOnlySpan<byte> header)
    {
        uint clusterBits = Word(header, 20);
        var table = new byte[Word(header, 36) * 8];
        file.Position = (long)Long(header, 40);
        file.ReadExactly(table);
        for (int i = 0; i < table.Length; i += 8)
        {
            ulong entry = Long(table, i),
                offset = entry & OffsetBits;
            if ((entry & ~(OffsetBits | OwnBit)) != 0 || (offset != 0 && !IsInside(offset, 1, clusterBits, file.Length)))
                return $"entry {i / 8} of its first-level table points outside the file ({entry:x16})";
        }

        return null;
    }

    private static bool IsInside(ulong offset, ulong bytes, uint clusterBits, long length) =>
        offset > 0 && offset % (1UL << (int)clusterBits) == 0 && offset < (ulong)length && bytes <= (ulong)length - offset;

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);

    private static ulong Long(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64BigEndian(bytes[at..]);
}

/// <summary>Whether a disk is to lie on another one.</summary>
internal enum QcowBacking
{
    None,
    One,

    /// <summary>Perhaps: it is a user's disk.</summary>
    Any,
}

/// <summary>What a disk says of itself.</summary>
/// <param name="Size">How large the guest sees it, in bytes.</param>
/// <param name="BackingFile">The name of the file that it lies on, as it is in the header, or <see langword="null"/>.</param>
/// <param name="BackingFormat">That file's format, or <see langword="null"/> where it is not stated.</param>
internal sealed record QcowFacts(long Size, string? BackingFile, string? BackingFormat);
