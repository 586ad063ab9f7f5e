using System.Runtime.InteropServices;

namespace TestHarness.Screens;

/// <summary>libpng's simplified API (png.h, "SIMPLIFIED API"). QEMU needs the same library, so it is there.</summary>
internal static unsafe partial class LibPng
{
    public const uint Version = 1;

    /// <summary>Blue, green, red, alpha: 0xAARRGGBB on a little-endian processor.</summary>
    public const uint FormatBgra = 0x13;

    /// <summary>16 bits a channel are in sRGB, too, unless the file says otherwise.</summary>
    public const uint Flag16BitIsSrgb = 0x04;

    /// <summary>Write quickly in place of small.</summary>
    public const uint FlagFast = 0x02;

    private const string Library = "libpng16.so.16";

    [LibraryImport(Library, EntryPoint = "png_image_begin_read_from_memory")]
    public static partial int BeginRead(Image* image, byte* memory, nuint size);

    [LibraryImport(Library, EntryPoint = "png_image_finish_read")]
    public static partial int FinishRead(Image* image, void* background, void* buffer, int rowStride, void* colourMap);

    [LibraryImport(Library, EntryPoint = "png_image_write_to_memory")]
    public static partial int Write(
        Image* image,
        void* memory,
        nuint* size,
        int convertTo8Bit,
        void* buffer,
        int rowStride,
        void* colourMap
    );

    [LibraryImport(Library, EntryPoint = "png_image_free")]
    public static partial void Free(Image* image);

    /// <summary>png_image.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Image
    {
        public nint Opaque;
        public uint Version;
        public uint Width;
        public uint Height;
        public uint Format;
        public uint Flags;
        public uint ColourMapEntries;
        public uint WarningOrError;
        public fixed byte Message[64];
    }
}
