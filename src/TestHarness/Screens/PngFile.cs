using System.Text;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Screens;

/// <summary>
/// Reads and writes PNG files. The one place that knows how; another decoder would replace this file and <see cref="LibPng"/>.
/// </summary>
internal static unsafe class PngFile
{
    // Signature, header, and what deflate adds to what it can't compress (png.h, PNG_IMAGE_PNG_SIZE_MAX has it in detail).
    private const int WriteOverhead = 64 * 1024;

    /// <summary>Reads a file from its bytes.</summary>
    /// <param name="png">The bytes.</param>
    /// <param name="name">What errors call it: a path.</param>
    /// <exception cref="InvalidDataException">It can't be read; the message has the name and the reason.</exception>
    /// <exception cref="HostNotReadyException">libpng is missing.</exception>
    public static PixelImage Read(ReadOnlySpan<byte> png, string name)
    {
        try
        {
            (int width, int height) = PngStructure.Check(png);
            return Decode(Adam7.Has16BitInterlaced(png) ? Adam7.Remove(png, width, height) : png, width, height);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The picture '{name}' can't be read: {e.Message}.");
        }
        catch (DllNotFoundException e)
        {
            throw Missing(e);
        }
    }

    /// <summary>Writes a picture as the bytes of a file.</summary>
    /// <exception cref="HostNotReadyException">libpng is missing.</exception>
    public static byte[] Write(PixelImage picture)
    {
        try
        {
            return Encode(picture);
        }
        catch (DllNotFoundException e)
        {
            throw Missing(e);
        }
    }

    private static PixelImage Decode(ReadOnlySpan<byte> png, int width, int height)
    {
        var image = new LibPng.Image { Version = LibPng.Version };
        fixed (byte* memory = png)
        {
            try
            {
                if (LibPng.BeginRead(&image, memory, (nuint)png.Length) == 0)
                    throw Refused(image);
                if (image.Width != width || image.Height != height)
                    throw new InvalidDataException("it is a broken PNG file: it has more than one header");
                image.Format = LibPng.FormatBgra;
                image.Flags |= LibPng.Flag16BitIsSrgb;
                uint[] pixels = GC.AllocateUninitializedArray<uint>(width * height);
                fixed (uint* buffer = pixels)
                {
                    if (LibPng.FinishRead(&image, null, buffer, width * sizeof(uint), null) == 0)
                        throw Refused(image);
                }

                return new PixelImage(width, height, pixels);
            }
            finally
            {
                LibPng.Free(&image);
            }
        }
    }

    private static byte[] Encode(PixelImage picture)
    {
        var image = new LibPng.Image
        {
            Version = LibPng.Version,
            Width = (uint)picture.Width,
            Height = (uint)picture.Height,
            Format = LibPng.FormatBgra,
            Flags = LibPng.FlagFast,
        };
        byte[] file = GC.AllocateUninitializedArray<byte>(
            (picture.Pixels.Length * sizeof(uint)) + (picture.Pixels.Length / 1024) + picture.Height + WriteOverhead
        );
        var size = (nuint)file.Length;
        fixed (byte* memory = file)
        fixed (uint* buffer = picture.Pixels)
        {
            try
            {
                if (LibPng.Write(&image, memory, &size, 0, buffer, picture.Width * sizeof(uint), null) == 0)
                    throw Refused(image);
            }
            finally
            {
                LibPng.Free(&image);
            }
        }

        return file.AsSpan(0, (int)size).ToArray();
    }

    private static InvalidDataException Refused(LibPng.Image image)
    {
        var message = new ReadOnlySpan<byte>(image.Message, 64);
        int end = message.IndexOf((byte)0);
        return new InvalidDataException(
            $"it is a broken PNG file: {PrintableText.Of(Encoding.Latin1.GetString(end < 0 ? message : message[..end]))}"
        );
    }

    private static HostNotReadyException Missing(DllNotFoundException e) =>
        new(
            new FailureText("The host lacks the library that reads pictures.")
                .Add("Missing", "libpng16.so.16  (Debian package libpng16-16)")
                .Try("sudo apt-get install --no-install-recommends libpng16-16"),
            e
        );
}
