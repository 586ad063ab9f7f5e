using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace TestHarness.Tests.Screens;

/// <summary>Writes PNG files of every kind by the letter of the specification, from samples that the test knows.</summary>
internal sealed class PngMaker(int width, int height, int colourType, int depth)
{
    // Adam7: first column and row of each pass, and the steps (PNG specification, 8.2).
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

    public int Channels =>
        colourType switch
        {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };

    public byte[][]? Palette { get; init; }

    public byte[]? PaletteAlpha { get; init; }

    /// <summary>Writes the file.</summary>
    /// <param name="samples">Row by row, pixel by pixel, channel by channel.</param>
    /// <param name="interlaced">Whether in Adam7's order.</param>
    public byte[] Write(int[] samples, bool interlaced)
    {
        var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        Chunk(file, "IHDR", Header(width, height, depth, colourType, interlaced));
        if (Palette is not null)
            Chunk(file, "PLTE", [.. Palette.SelectMany(entry => entry)]);
        if (PaletteAlpha is not null)
            Chunk(file, "tRNS", PaletteAlpha);
        var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach ((int x, int y, int stepX, int stepY) in interlaced ? Passes : [(0, 0, 1, 1)])
                WritePass(zlib, samples, x, y, stepX, stepY);
        }

        Chunk(file, "IDAT", packed.ToArray());
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    public static byte[] Header(int width, int height, int depth, int colourType, bool interlaced)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)colourType, interlaced ? (byte)1 : (byte)0);
        return header;
    }

    public static void Chunk(Stream file, string type, byte[] data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Checksum(body));
        file.Write(number);
    }

    private void WritePass(ZLibStream zlib, int[] samples, int firstX, int firstY, int stepX, int stepY)
    {
        int columns = (width - firstX + stepX - 1) / stepX;
        if (columns <= 0)
            return;
        int stride = Math.Max(1, Channels * depth / 8);
        byte[]? above = null;
        for (int y = firstY; y < height; y += stepY)
        {
            var row = new byte[((columns * Channels * depth) + 7) / 8];
            for (int i = 0; i < columns * Channels; i++)
                Put(row, i, samples[(((y * width) + firstX + (i / Channels * stepX)) * Channels) + (i % Channels)]);
            // Each row by another of the five filters.
            zlib.WriteByte((byte)(y % 5));
            zlib.Write(Filter(y % 5, row, above ?? new byte[row.Length], stride));
            above = row;
        }
    }

    private void Put(byte[] row, int index, int sample)
    {
        if (depth == 16)
            BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(index * 2), (ushort)sample);
        else
            row[index * depth / 8] |= (byte)(sample << (8 - depth - (index * depth % 8)));
    }

    private static byte[] Filter(int kind, byte[] row, byte[] above, int stride)
    {
        var filtered = new byte[row.Length];
        for (int i = 0; i < row.Length; i++)
        {
            int left = i < stride ? 0 : row[i - stride];
            int corner = i < stride ? 0 : above[i - stride];
            filtered[i] = (byte)(
                row[i]
                - kind switch
                {
                    1 => left,
                    2 => above[i],
                    3 => (left + above[i]) / 2,
                    4 => Paeth(left, above[i], corner),
                    _ => 0,
                }
            );
        }

        return filtered;
    }

    private static int Paeth(int left, int up, int corner)
    {
        int estimate = left + up - corner;
        (int a, int b, int c) = (Math.Abs(estimate - left), Math.Abs(estimate - up), Math.Abs(estimate - corner));
        return a <= b && a <= c ? left
            : b <= c ? up
            : corner;
    }

    private static uint Checksum(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte next in data)
        {
            crc ^= next;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xedb88320);
        }

        return ~crc;
    }
}
