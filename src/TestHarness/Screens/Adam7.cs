using System.Buffers.Binary;
using System.IO.Compression;

namespace TestHarness.Screens;

/// <summary>
/// Writes an interlaced PNG file of 16 bits a channel anew without the interlace. libpng's simplified reader (1.6.39) mixes up the rows of
/// the first passes when it also has to make 8 bits of 16; nothing of what it does with gamma and alpha needs to be known here.
/// </summary>
internal static class Adam7
{
    private const int DepthAt = 24;
    private const int ColourTypeAt = 25;
    private const int InterlaceAt = 28;
    private const int HeaderChunkLength = 25;
    private const int SignatureLength = 8;

    // First column and row of each pass, and the steps (PNG specification, 8.2).
    private static readonly (int X, int Y, int StepX, int StepY)[] Passes =
    [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];

    /// <summary>Tells whether a file, whose structure is checked, is of this kind.</summary>
    public static bool Has16BitInterlaced(ReadOnlySpan<byte> png) => png[DepthAt] == 16 && png[InterlaceAt] == 1;

    /// <summary>Writes the file anew.</summary>
    /// <exception cref="InvalidDataException">Its data is broken or too short.</exception>
    public static byte[] Remove(ReadOnlySpan<byte> png, int width, int height)
    {
        int pixel =
            2
            * (
                png[ColourTypeAt] switch
                {
                    2 => 3,
                    4 => 2,
                    6 => 4,
                    _ => 1,
                }
            );
        var packed = new MemoryStream();
        var file = new MemoryStream();
        file.Write(png[..SignatureLength]);
        byte[] header = png.Slice(SignatureLength + 8, 13).ToArray();
        header[^1] = 0;
        Chunk(file, "IHDR"u8, header);
        ReadOnlySpan<byte> rest = png[(SignatureLength + HeaderChunkLength)..];
        while (!rest.IsEmpty)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(rest);
            ReadOnlySpan<byte> type = rest.Slice(4, 4);
            if (type.SequenceEqual("IDAT"u8))
                packed.Write(rest.Slice(8, length));
            else if (type.SequenceEqual("IEND"u8))
                break;
            else
                file.Write(rest[..(length + 12)]);
            rest = rest[(length + 12)..];
        }

        packed.Position = 0;
        Chunk(file, "IDAT"u8, Pack(Unweave(packed, width, height, pixel), width * pixel));
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Unweave(Stream packed, int width, int height, int pixel)
    {
        var pixels = new byte[(long)width * height * pixel];
        using var data = new ZLibStream(packed, CompressionMode.Decompress);
        try
        {
            foreach ((int firstX, int firstY, int stepX, int stepY) in Passes)
            {
                int columns = (width - firstX + stepX - 1) / stepX;
                var row = new byte[Math.Max(0, columns) * pixel];
                var above = new byte[row.Length];
                for (int y = firstY; y < height && columns > 0; y += stepY)
                {
                    int filter = data.ReadByte();
                    data.ReadExactly(row);
                    Unfilter(filter, row, above, pixel);
                    for (int i = 0; i < columns; i++)
                        row.AsSpan(i * pixel, pixel).CopyTo(pixels.AsSpan(((y * width) + firstX + (i * stepX)) * pixel));
                    (row, above) = (above, row);
                }
            }
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new InvalidDataException($"it is a broken PNG file: {e.Message.TrimEnd('.')}");
        }

        return pixels;
    }

    private static void Unfilter(int kind, byte[] row, byte[] above, int pixel)
    {
        if (kind is < 0 or > 4)
            throw new InvalidDataException("bad filter");
        for (int i = 0; i < row.Length; i++)
        {
            int left = i < pixel ? 0 : row[i - pixel];
            int corner = i < pixel ? 0 : above[i - pixel];
            row[i] += (byte)(
                kind switch
                {
                    1 => left,
                    2 => above[i],
                    3 => (left + above[i]) / 2,
                    4 => Paeth(left, above[i], corner),
                    _ => 0,
                }
            );
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        int estimate = left + up - corner;
        (int a, int b, int c) = (Math.Abs(estimate - left), Math.Abs(estimate - up), Math.Abs(estimate - corner));
        return a <= b && a <= c ? left
            : b <= c ? up
            : corner;
    }

    private static byte[] Pack(byte[] pixels, int stride)
    {
        var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.NoCompression, leaveOpen: true))
        {
            for (int at = 0; at < pixels.Length; at += stride)
            {
                zlib.WriteByte(0);
                zlib.Write(pixels.AsSpan(at, stride));
            }
        }

        return packed.ToArray();
    }

    private static void Chunk(Stream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Checksum(Checksum(uint.MaxValue, type), data));
        file.Write(number);
    }

    private static uint Checksum(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (byte next in data)
        {
            crc ^= next;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xedb88320);
        }

        return crc;
    }
}
