using SkiaSharp;

namespace TestHarness.Screens;

/// <summary>Reads and writes PNG files. The one place that knows how; another decoder would replace this file.</summary>
internal static unsafe class PngFile
{
    private const int UsualCompression = 6;

    /// <summary>Reads a file from its bytes.</summary>
    /// <param name="png">The bytes.</param>
    /// <param name="name">What errors call it: a path.</param>
    /// <exception cref="InvalidDataException">It can't be read; the message has the name and the reason.</exception>
    public static PixelImage Read(ReadOnlySpan<byte> png, string name)
    {
        try
        {
            PngStructure.Check(png);
            return Decode(png);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The picture '{name}' can't be read: {e.Message}.");
        }
    }

    /// <summary>Writes a picture as the bytes of a file.</summary>
    public static byte[] Write(PixelImage picture)
    {
        fixed (uint* pixels = picture.Pixels)
        {
            using var map = new SKPixmap(Form(picture.Width, picture.Height, picture.IsOpaque), (nint)pixels);
            // A screen has large plain areas and text, which no filter makes smaller.
            using SKData file = map.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.NoFilters, UsualCompression))!;
            return file.ToArray();
        }
    }

    private static PixelImage Decode(ReadOnlySpan<byte> png)
    {
        using SKData data = SKData.CreateCopy(png)!;
        using SKCodec codec = SKCodec.Create(data) ?? throw new InvalidDataException("it is a broken PNG file");
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        var picture = new PixelImage(width, height, new uint[width * height]);
        fixed (uint* pixels = picture.Pixels)
        {
            SKCodecResult result = codec.GetPixels(Form(width, height, isOpaque: false), (nint)pixels);
            if (result != SKCodecResult.Success)
                throw new InvalidDataException($"it is a broken PNG file: its pixels are {Words(result)}");
        }

        return picture;
    }

    // 0xAARRGGBB on a little-endian processor. Without a colour space nothing is converted.
    private static SKImageInfo Form(int width, int height, bool isOpaque) =>
        new(width, height, SKColorType.Bgra8888, isOpaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul);

    private static string Words(SKCodecResult result) =>
        result is SKCodecResult.IncompleteInput ? "not all there" : $"no pixels ({result})";
}
