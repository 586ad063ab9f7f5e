using System.Text;
using TestHarness.Screens;

namespace TestHarness.Goldens;

/// <summary>
/// The empty file that DiffEngine writes for a diff tool which needs two: a picture of one pixel, or a text of nothing but a byte order
/// mark. It stands where a golden belongs, and is none: nobody accepted it.
/// </summary>
internal static class GoldenPlaceholder
{
    // DiffEngine's picture has 67 bytes; other versions of it may have another one.
    private const int MaxBytes = 1024;

    /// <summary>Tells whether a file is one. What can't be read is none: who reads it says why.</summary>
    public static bool Is(string file)
    {
        try
        {
            return new FileInfo(file) is { Exists: true, Length: > 0 and <= MaxBytes } && IsContent(File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsContent(byte[] content)
    {
        if (content.AsSpan().SequenceEqual(Encoding.UTF8.Preamble))
            return true;
        try
        {
            return PngStructure.Check(content) == (1, 1);
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}
