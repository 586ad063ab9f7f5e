using System.Runtime.InteropServices;
using SkiaSharp;
using TestHarness.Errors;

namespace TestHarness.Screens;

/// <summary>Reads and writes PNG files. The one place that knows how; another decoder would replace this file.</summary>
internal static unsafe class PngFile
{
    private const int UsualCompression = 6;

    // The same folders follow for other spellings of the name.
    private const int ReasonLines = 4;

    /// <summary>Reads a file from its bytes.</summary>
    /// <param name="png">The bytes.</param>
    /// <param name="name">What errors call it: a path.</param>
    /// <exception cref="InvalidDataException">It can't be read; the message has the name and the reason.</exception>
    /// <exception cref="HostNotReadyException">SkiaSharp's own library can't be loaded.</exception>
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
        catch (TypeInitializationException e)
        {
            throw NoLibrary(e);
        }
    }

    /// <summary>Writes a picture as the bytes of a file.</summary>
    /// <exception cref="HostNotReadyException">SkiaSharp's own library can't be loaded.</exception>
    public static byte[] Write(PixelImage picture)
    {
        try
        {
            return Encode(picture);
        }
        catch (TypeInitializationException e)
        {
            throw NoLibrary(e);
        }
    }

    private static byte[] Encode(PixelImage picture)
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

    // SkiaSharp looks for it when the first of its classes is used.
    private static HostNotReadyException NoLibrary(TypeInitializationException e) =>
        new(
            new FailureText("Pictures can't be read and written: libSkiaSharp.so, which SkiaSharp needs, can't be loaded.")
                .Add("Processor and system", RuntimeInformation.RuntimeIdentifier)
                .Add("Reason", string.Join('\n', e.GetBaseException().Message.Split('\n').Take(ReasonLines)))
                .Try(
                    "build the program anew on this host; on Linux without glibc or another processor than x64 and arm64, for this host's "
                        + $"runtime: dotnet build -r {RuntimeInformation.RuntimeIdentifier}"
                ),
            e
        );
}
