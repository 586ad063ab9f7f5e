using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text;

namespace TestHarness.Screens;

/// <summary>A picture of the screen as QEMU writes it quickest: a PPM file (P6), three bytes a pixel.</summary>
internal sealed class RawFrame
{
    // What four pixels of the file become, byte for byte: blue, green and red of each, and nothing (an index that there is not).
    private static readonly Vector128<byte> Order = Vector128.Create((byte)2, 1, 0, 255, 5, 4, 3, 255, 8, 7, 6, 255, 11, 10, 9, 255);

    private readonly byte[] _file;
    private readonly int _pixelsAt;

    /// <exception cref="InvalidDataException">It is no such file, or a part of one.</exception>
    public RawFrame(byte[] ppm)
    {
        _file = ppm;
        string[] words = Encoding.ASCII.GetString(ppm, 0, Math.Min(ppm.Length, 40)).Split(['\n', ' '], 5);
        if (words is not ["P6", var width, var height, "255", _] || !IsSide(width, out int columns) || !IsSide(height, out int rows))
            throw new InvalidDataException("QEMU wrote a screenshot that is no PPM file.");
        (Width, Height) = (columns, rows);
        _pixelsAt = "P6\n \n255\n".Length + width.Length + height.Length;
        if (ppm.Length != _pixelsAt + (3L * Width * Height))
            throw new InvalidDataException($"QEMU wrote a screenshot of {ppm.Length} bytes, which is not {Width}x{Height} pixels.");
    }

    public int Width { get; }

    public int Height { get; }

    public PixelImage ToPixels()
    {
        uint[] pixels = GC.AllocateUninitializedArray<uint>(Width * Height);
        ReadOnlySpan<byte> colours = _file.AsSpan(_pixelsAt);
        int i = 0;
        // Sixteen bytes are read where twelve are wanted.
        for (; (3 * i) + Vector128<byte>.Count <= colours.Length; i += Vector128<uint>.Count)
        {
            Vector128<byte> four = Vector128.Shuffle(Vector128.Create(colours.Slice(3 * i, Vector128<byte>.Count)), Order);
            (four.AsUInt32() | Vector128.Create(0xff000000)).CopyTo(pixels.AsSpan(i));
        }

        for (; i < pixels.Length; i++)
        {
            ReadOnlySpan<byte> colour = colours.Slice(3 * i, 3);
            pixels[i] = 0xff000000 | ((uint)colour[0] << 16) | ((uint)colour[1] << 8) | colour[2];
        }

        return new PixelImage(Width, Height, pixels);
    }

    public bool Equals(RawFrame other) => _file.AsSpan().SequenceEqual(other._file);

    /// <summary>Tells whether an area inside the picture has one colour only.</summary>
    public bool IsPlain(ScreenArea area)
    {
        ReadOnlySpan<byte> first = Row(area, area.Y);
        // Each pixel like the one before it, and then each row like the first.
        if (!first[3..].SequenceEqual(first[..^3]))
            return false;
        for (int y = area.Y + 1; y < area.Bottom; y++)
        {
            if (!Row(area, y).SequenceEqual(first))
                return false;
        }

        return true;
    }

    private static bool IsSide(string text, out int side) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out side) && side is > 0 and <= PngStructure.MaxSide;

    private ReadOnlySpan<byte> Row(ScreenArea area, int y) => _file.AsSpan(_pixelsAt + (3 * ((y * Width) + area.X)), 3 * area.Width);
}
