using TestHarness.Screens;

namespace TestHarness;

/// <summary>A picture of a machine's screen.</summary>
public sealed class Screenshot
{
    private readonly Lazy<byte[]> _png;

    internal Screenshot(PixelImage pixels)
    {
        Pixels = pixels;
        _png = new Lazy<byte[]>(() => PngFile.Write(pixels));
    }

    /// <summary>Gets the picture as a PNG file, which is made when it is first asked for.</summary>
    public ReadOnlyMemory<byte> Png => _png.Value;

    /// <summary>Gets the width in pixels.</summary>
    public int Width => Pixels.Width;

    /// <summary>Gets the height in pixels.</summary>
    public int Height => Pixels.Height;

    internal PixelImage Pixels { get; }

    /// <summary>Words for the machine that the picture is of, for which a golden may have a file of its own.</summary>
    internal IReadOnlyList<string> Platforms { get; init; } = [];

    /// <summary>Takes a picture that comes from elsewhere, to compare it with a golden or to read its text.</summary>
    /// <param name="png">A PNG file: at most 16,384 pixels a side, and 40,000,000 in all.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="InvalidDataException">It can't be read; the message has the reason.</exception>
    /// <exception cref="HostNotReadyException">SkiaSharp's own library, which reads PNG files, can't be loaded.</exception>
    public static Screenshot FromPng(ReadOnlySpan<byte> png) => new(PngFile.Read(png, nameof(png)));

    /// <summary>Takes the pixels of a picture that comes from elsewhere.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="pixels">The pixels, row by row from the top left: 0xAARRGGBB, alpha not multiplied in. They are copied.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ArgumentException">The size is none that is read, or there are more or fewer pixels.</exception>
    public static Screenshot FromPixels(int width, int height, ReadOnlySpan<uint> pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (!PngStructure.IsRead(width, height))
            throw new ArgumentException($"The picture has {width}x{height} pixels, and {PngStructure.Limits}.", nameof(width));
        if (pixels.Length != width * height)
            throw new ArgumentException($"There are {pixels.Length} pixels, and {width}x{height} are {width * height}.", nameof(pixels));
        return new Screenshot(new PixelImage(width, height, pixels.ToArray()));
    }

    /// <summary>Gets the pixels.</summary>
    /// <returns>A new array of the pixels, row by row from the top left: 0xAARRGGBB.</returns>
    public uint[] DecodePixels() => [.. Pixels.Pixels];

    /// <summary>Cuts an area out.</summary>
    /// <param name="area">The area; what of it is beside the picture is left out.</param>
    /// <returns>The area as a picture.</returns>
    /// <exception cref="ArgumentOutOfRangeException">None of it is in the picture.</exception>
    public Screenshot Crop(ScreenArea area)
    {
        ScreenArea inside = area.ClippedTo(Width, Height);
        if (inside.Pixels == 0)
            throw new ArgumentOutOfRangeException(
                nameof(area),
                area,
                $"The picture has {Width}x{Height} pixels, and none of them is in the area."
            );
        PixelImage part = PixelImage.Filled(inside.Width, inside.Height, 0);
        for (int y = 0; y < inside.Height; y++)
            Pixels.Row(inside.Y + y).Slice(inside.X, inside.Width).CopyTo(part.Row(y));
        return new Screenshot(part) { Platforms = Platforms };
    }

    /// <summary>Writes the picture to a PNG file, whose folder is made.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    public async Task SaveAsync(string path, CancellationToken cancellationToken = default)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllBytesAsync(path, Png, cancellationToken).ConfigureAwait(false);
    }
}
