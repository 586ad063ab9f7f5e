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
    private const int HeaderLength = 13;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    /// <summary>Returns the size that the header tells.</summary>
    /// <exception cref="InvalidDataException">It is no PNG file, not a whole one, or too large; the message says which, without the file's
    /// name.</exception>
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
            ReadOnlySpan<byte> type = rest.Slice(4, 4);
            if (length > rest.Length - ChunkOverhead)
                throw Truncated(png);
            size ??= Size(type, rest.Slice(8, (int)length));
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
        if (width > MaxSide || height > MaxSide || (long)width * height > MaxPixels)
        {
            throw new InvalidDataException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"its header tells a size of {width}×{height}, and pictures of more than {MaxSide} pixels a side or "
                        + $"{MaxPixels:N0} in all are not read"
                )
            );
        }

        return ((int)width, (int)height);
    }

    private static InvalidDataException Truncated(ReadOnlySpan<byte> png) =>
        new($"it is cut off: its {png.Length} bytes have no end chunk");
}
