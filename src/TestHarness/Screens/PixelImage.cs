namespace TestHarness.Screens;

/// <summary>A picture as pixels, row by row: 0xAARRGGBB, sRGB, alpha not multiplied in.</summary>
internal sealed class PixelImage(int width, int height, uint[] pixels)
{
    public int Width => width;

    public int Height => height;

    public uint[] Pixels => pixels;

    public ScreenArea Area => new(0, 0, width, height);

    public bool HasSizeOf(PixelImage other) => width == other.Width && height == other.Height;

    public Span<uint> Row(int y) => pixels.AsSpan(y * width, width);

    public static PixelImage Filled(int width, int height, uint colour)
    {
        var pixels = new uint[width * height];
        pixels.AsSpan().Fill(colour);
        return new PixelImage(width, height, pixels);
    }
}
