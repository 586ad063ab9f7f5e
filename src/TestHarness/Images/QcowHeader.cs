using System.Buffers.Binary;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// Looks at a qcow2 file's header and first-level table before QEMU opens it, so that a damaged disk is refused in words that help. Strict: our disks are made by
/// qemu-img, and what it would not have written is a fault. Format: https://www.qemu.org/docs/master/interop/qcow2.html.
/// </summary>
internal static class QcowHeader
{
    private const uint Magic = 0x514649fb;
    private const int Version2Length = 72;
    private const int Version3Length = 104;
    private const int LongestRead = 4096;
    private const int MaxFirstLevelEntries = 4 * 1024 * 1024;
    private const long MaxSize = 1L << 46;

    // Of a table entry, the bits that hold the offset; the highest says that no snapshot shares it; the others are reserved.
    private const ulong OffsetBits = 0x00ff_ffff_ffff_fe00;
    private const ulong OwnBit = 1UL << 63;

    // Header extensions that do not change what is read: the backing file's format, and the names of feature bits.
    private const uint EndOfExtensions = 0;
    private const uint BackingFormat = 0xe2792aca;
    private const uint FeatureNames = 0x6803f857;

    /// <summary>Refuses an image whose disk is not as it was made.</summary>
    /// <exception cref="ImageException">It is damaged.</exception>
    public static void Require(GuestImage image)
    {
        if (FindFault(image.DiskPath, QcowBacking.None) is not { } fault)
            return;
        throw new ImageException(image.Name, new FailureText($"Image '{image.Name}': its disk is damaged.")
            .Add("File", image.DiskPath)
            .Add("Reason", fault)
            .Try($"rm -r '{image.Folder}'; the next start builds the image again."));
    }

    /// <summary>Returns what is wrong with a file, or <see langword="null"/>. Reads some kilobytes.</summary>
    public static string? FindFault(string path, QcowBacking backing)
    {
        try
        {
            if (!Native.IsOrdinaryFile(path))
                return "it is not an ordinary file";
            using FileStream file = File.OpenRead(path);
            var start = new byte[LongestRead];
            int count = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            return CheckHeader(start.AsSpan(0, count), file.Length, backing) ?? CheckFirstLevel(file, start);
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
        uint version = Word(header, 4), clusterBits = Word(header, 20), firstLevelEntries = Word(header, 36), refcountClusters = Word(header, 56);
        ulong backingOffset = Long(header, 8), size = Long(header, 24), firstLevel = Long(header, 40), refcounts = Long(header, 48);
        uint backingLength = Word(header, 16);
        if (version is not (2 or 3))
            return $"its format version is {version}, not 2 or 3";
        if (backing == QcowBacking.None && (backingOffset != 0 || backingLength != 0))
            return "it names a backing file, which an image has none of";
        if (backing == QcowBacking.One && (backingOffset == 0 || backingLength is 0 or > 1023 || backingOffset + backingLength > (ulong)header.Length))
            return "it does not name its backing file";
        if (clusterBits is < 9 or > 21)
            return $"its clusters have 2^{clusterBits} bytes";
        if (size is 0 or > MaxSize)
            return $"its size is {size} bytes";
        if (Word(header, 32) != 0)
            return "it is encrypted";
        // One entry of the first level stands for a cluster of 8-byte entries, each of which stands for a cluster.
        ulong perEntry = 1UL << (int)(2 * clusterBits - 3);
        if (firstLevelEntries > MaxFirstLevelEntries || firstLevelEntries < (size + perEntry - 1) / perEntry)
            return $"its first-level table has {firstLevelEntries} entries, which does not fit its size";
        if (!IsInside(firstLevel, firstLevelEntries * 8UL, clusterBits, length))
            return $"its first-level table lies outside the file, at {firstLevel}";
        if (refcountClusters == 0 || !IsInside(refcounts, (ulong)refcountClusters << (int)clusterBits, clusterBits, length))
            return $"its table of reference counts lies outside the file, at {refcounts}";
        if (Word(header, 60) != 0 || Long(header, 64) != 0)
            return "it has snapshots, which an image has none of";
        return version == 2 ? CheckExtensions(header, Version2Length, backingOffset) : CheckVersion3(header, clusterBits, backingOffset);
    }

    private static string? CheckVersion3(ReadOnlySpan<byte> header, uint clusterBits, ulong backingOffset)
    {
        uint headerLength = Word(header, 100), refcountOrder = Word(header, 96);
        // Left dirty, marked corrupt, an external data file, and what later versions may bring.
        if (Long(header, 72) != 0)
            return $"it has features that an image does not have (incompatible feature bits {Long(header, 72):x})";
        if (Long(header, 88) != 0)
            return $"it has features that an image does not have (autoclear feature bits {Long(header, 88):x})";
        if (refcountOrder > 6)
            return $"its reference counts have 2^{refcountOrder} bits";
        // The type of compression, where the header is long enough to name one: ours is the oldest.
        if (headerLength > Version3Length && header.Length > Version3Length && header[Version3Length] != 0)
            return $"its compression is of type {header[Version3Length]}";
        return headerLength < Version3Length || headerLength % 8 != 0 || headerLength > Math.Min(1U << (int)clusterBits, (uint)header.Length)
            ? $"its header is said to have {headerLength} bytes"
            : CheckExtensions(header, (int)headerLength, backingOffset);
    }

    private static string? CheckExtensions(ReadOnlySpan<byte> header, int at, ulong backingOffset)
    {
        int end = backingOffset != 0 ? (int)Math.Min(backingOffset, (ulong)header.Length) : header.Length;
        while (at + 8 <= end)
        {
            uint type = Word(header, at), length = Word(header, at + 4);
            if (type == EndOfExtensions)
                return null;
            if (type is not (BackingFormat or FeatureNames))
                return $"its header has an extension that an image does not have ({type:x8})";
            if (length > end - at - 8)
                return "an extension of its header is longer than the header";
            at += 8 + (int)((length + 7) & ~7U);
        }

        return null;
    }

    private static string? CheckFirstLevel(FileStream file, ReadOnlySpan<byte> header)
    {
        uint clusterBits = Word(header, 20);
        var table = new byte[Word(header, 36) * 8];
        file.Position = (long)Long(header, 40);
        file.ReadExactly(table);
        for (int i = 0; i < table.Length; i += 8)
        {
            ulong entry = Long(table, i), offset = entry & OffsetBits;
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
}
