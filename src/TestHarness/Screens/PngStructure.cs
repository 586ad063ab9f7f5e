using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using TestHarness.Text;

namespace TestHarness.Screens;

/// <summary>
/// Checks a PNG file from outside (PNG specification, chapters 5 and 11) before a decoder makes room for what it claims to hold.
/// </summary>
internal static class PngStructure
{
    /// <summary>The longest side; the largest screens have half of it.</summary>
    public const int MaxSide = 16_384;

    /// <summary>The most pixels: 8K and some more, 160 MB in memory.</summary>
    public const long MaxPixels = 40_000_000;

    // Length and type before a chunk's data, checksum behind them.
    private const int ChunkOverhead = 12;
    private const int TypeLength = 4;

    // ISO 3309's, lowest bit first (PNG specification, 5.5 and annex D).
    private const uint Polynomial = 0xedb88320;

    private static readonly uint[] Remainders = [.. Enumerable.Range(0, 256).Select(Remainder)];
    private const int HeaderLength = 13;

    /// <summary>The bounds in words.</summary>
    public static string Limits { get; } =
        string.Create(CultureInfo.InvariantCulture, $"pictures of more than {MaxSide} pixels a side or {MaxPixels:N0} in all are not read");

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    /// <summary>Tells whether pictures of a size are read.</summary>
    public static bool IsRead(long width, long height) => width <= MaxSide && height <= MaxSide && width * height <= MaxPixels;

    /// <summary>Checks a file, and returns the size that its header tells.</summary>
    /// <exception cref="InvalidDataException">It is no PNG file, not a whole one, a damaged one, or too large; the message says which,
    /// without the file's name.</exception>
    public static (int Width, int Height) Check(ReadOnlySpan<byte> png)
    {
        if (png.IsEmpty)
            throw new InvalidDataException("it is empty");
        if (!png.StartsWith(Signature))
            throw new InvalidDataException($"it is no PNG file: it begins with {Convert.ToHexString(png[..Math.Min(8, png.Length)])}");
        ReadOnlySpan<byte> rest = png[Signature.Length..];
        (int, int)? size = null;
        while (true)
        {
            if (rest.Length < ChunkOverhead)
                throw Truncated(png);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkOverhead)
                throw Truncated(png);
            ReadOnlySpan<byte> type = rest.Slice(4, TypeLength);
            if (size is not null && type.SequenceEqual("IHDR"u8))
                throw new InvalidDataException("it is a broken PNG file: it has more than one header");
            size ??= Size(type, rest.Slice(8, (int)length));
            if (Checksum(rest.Slice(4, TypeLength + (int)length)) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]))
                throw new InvalidDataException(
                    $"it is a broken PNG file: the checksum of its chunk '{PrintableText.Of(Encoding.Latin1.GetString(type))}' is wrong"
                );
            if (type.SequenceEqual("IEND"u8))
                return size.Value;
            rest = rest[((int)length + ChunkOverhead)..];
        }
    }

    private static (int Width, int Height) Size(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        if (!type.SequenceEqual("IHDR"u8) || data.Length != HeaderLength)
            throw new InvalidDataException(
                $"it is a broken PNG file: its first chunk is no header but '{PrintableText.Of(Encoding.Latin1.GetString(type))}' "
                    + $"with {data.Length} bytes"
            );
        uint width = BinaryPrimitives.ReadUInt32BigEndian(data);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        if (width == 0 || height == 0)
            throw new InvalidDataException($"it is a broken PNG file: its header tells a size of {width}×{height}");
        if (!IsRead(width, height))
            throw new InvalidDataException($"its header tells a size of {width}×{height}, and {Limits}");
        return ((int)width, (int)height);
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = uint.MaxValue;
        foreach (byte next in bytes)
            sum = Remainders[(byte)(sum ^ next)] ^ (sum >> 8);
        return ~sum;
    }

    private static uint Remainder(int value)
    {
        uint remainder = (uint)value;
        for (int bit = 0; bit < 8; bit++)
            remainder = (remainder >> 1) ^ ((remainder & 1) * Polynomial);
        return remainder;
    }

    private static InvalidDataException Truncated(ReadOnlySpan<byte> png) =>
        new($"it is cut off: its {png.Length} bytes have no end chunk");
}
