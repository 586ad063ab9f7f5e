using System.Runtime.Intrinsics;

namespace TestHarness.Screens;

/// <summary>
/// How different two colours look: their distance in YIQ, weighted as in "Measuring perceived color difference using YIQ NTSC transmission
/// color space in mobile applications" (Kotsarenko, Ramos, 2010). Brightness counts most, but no two colours are the same because they are
/// equally bright. 1 is black against white.
/// </summary>
internal static class ColourDistance
{
    private const float BlackToWhite = 255f * 255f * 0.5053f;

    /// <summary>Makes squares of levels, of which black and white are 255 apart, of what <see cref="Squared(uint, uint)"/> gives.</summary>
    public const double Levels = 1 / 0.5053;

    /// <summary>What <see cref="Squared(Vector256{uint}, Vector256{uint})"/> gives for a distance.</summary>
    public static float Square(double distance) => (float)(distance * distance) * BlackToWhite;

    /// <summary>The squared distances of eight pairs of pixels; alpha is not looked at.</summary>
    public static Vector256<float> Squared(Vector256<uint> one, Vector256<uint> other)
    {
        Vector256<float> red = Difference(one, other, 16);
        Vector256<float> green = Difference(one, other, 8);
        Vector256<float> blue = Difference(one, other, 0);
        Vector256<float> y = (red * 0.29889531f) + (green * 0.58662247f) + (blue * 0.11448223f);
        Vector256<float> i = (red * 0.59597799f) - (green * 0.27417610f) - (blue * 0.32180189f);
        Vector256<float> q = (red * 0.21147017f) - (green * 0.52261711f) + (blue * 0.31114694f);
        return (y * y * 0.5053f) + (i * i * 0.299f) + (q * q * 0.1957f);
    }

    /// <summary>The squared distance of a pair of pixels; alpha is not looked at.</summary>
    public static float Squared(uint one, uint other)
    {
        float red = Difference(one, other, 16);
        float green = Difference(one, other, 8);
        float blue = Difference(one, other, 0);
        float y = (red * 0.29889531f) + (green * 0.58662247f) + (blue * 0.11448223f);
        float i = (red * 0.59597799f) - (green * 0.27417610f) - (blue * 0.32180189f);
        float q = (red * 0.21147017f) - (green * 0.52261711f) + (blue * 0.31114694f);
        return (y * y * 0.5053f) + (i * i * 0.299f) + (q * q * 0.1957f);
    }

    private static float Difference(uint one, uint other, int shift) => (int)((one >> shift) & 0xff) - (int)((other >> shift) & 0xff);

    private static Vector256<float> Difference(Vector256<uint> one, Vector256<uint> other, int shift)
    {
        Vector256<uint> low = Vector256.Create(0xffu);
        return Vector256.ConvertToSingle(((one >>> shift) & low).AsInt32() - ((other >>> shift) & low).AsInt32());
    }
}
