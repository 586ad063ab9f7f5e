using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace TestHarness.Screens;

/// <summary>A picture as pixels, row by row: 0xAARRGGBB, sRGB, alpha not multiplied in.</summary>
internal sealed class PixelImage(int width, int height, uint[] pixels)
{
    private const uint Opaque = 0xff000000;

    public int Width => width;

    public int Height => height;

    public uint[] Pixels => pixels;

    public ScreenArea Area => new(0, 0, width, height);

    public bool IsOpaque => !pixels.AsSpan().ContainsAnyInRange(0u, Opaque - 1);

    public static PixelImage Filled(int width, int height, uint colour)
    {
        var pixels = new uint[width * height];
        pixels.AsSpan().Fill(colour);
        return new PixelImage(width, height, pixels);
    }

    public bool HasSizeOf(PixelImage other) => width == other.Width && height == other.Height;

    public bool Equals(PixelImage other) => HasSizeOf(other) && pixels.AsSpan().SequenceEqual(other.Pixels);

    /// <summary>Tells it from others, where they are not kept.</summary>
    public string Hash() => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(pixels.AsSpan())));

    public Span<uint> Row(int y) => pixels.AsSpan(y * width, width);
}
