using TestHarness.Screens;

namespace TestHarness;

public sealed partial class Screenshot
{
    private const string Name = "the screenshot";

    /// <summary>Decodes the picture.</summary>
    /// <returns>A new array of the pixels, row by row from the top left: 0xAARRGGBB.</returns>
    /// <exception cref="HostNotReadyException">libpng is missing.</exception>
    public uint[] DecodePixels() => PngFile.Read(Png.Span, Name).Pixels;

    /// <summary>Cuts an area out.</summary>
    /// <param name="area">The area; what of it is beside the picture is left out.</param>
    /// <returns>The area as a picture.</returns>
    /// <exception cref="ArgumentOutOfRangeException">None of it is in the picture.</exception>
    /// <exception cref="HostNotReadyException">libpng is missing.</exception>
    public Screenshot Crop(ScreenArea area)
    {
        ScreenArea inside = area.ClippedTo(Width, Height);
        if (inside.Pixels == 0)
            throw new ArgumentOutOfRangeException(
                nameof(area),
                area,
                $"The picture has {Width}x{Height} pixels, and none of them is in the area."
            );
        PixelImage whole = PngFile.Read(Png.Span, Name);
        PixelImage part = PixelImage.Filled(inside.Width, inside.Height, 0);
        for (int y = 0; y < inside.Height; y++)
            whole.Row(inside.Y + y).Slice(inside.X, inside.Width).CopyTo(part.Row(y));
        return new Screenshot(PngFile.Write(part)) { Platforms = Platforms };
    }
}
