using System.Runtime.Intrinsics;

namespace TestHarness.Screens;

/// <summary>
/// Tells which differences come of an anti-aliased edge that was drawn a fraction of a pixel elsewhere, for eight pixels at once. Of each
/// channel of such a pixel is true: both pictures' values lie between the colours around the place in the other picture; in one of them the
/// value is a blend, neither the lightest nor the darkest around; and the edge has moved by half a pixel or so, not by a whole one. So text
/// in another colour is never taken for an edge (its boldest spots are outside of what the other picture has there), nor is another letter
/// of a font without blends.
/// </summary>
internal static class BlendedEdges
{
    // Levels of 255 that are no difference: rounding.
    private const byte Slack = 4;

    /// <summary>Returns all ones for the pixels that are excused.</summary>
    /// <param name="one">The first picture's pixels around the eight: three rows of ten, the eight in the middle.</param>
    /// <param name="oneStride">From one of its rows to the next.</param>
    /// <param name="other">The second picture's.</param>
    /// <param name="otherStride">From one of its rows to the next.</param>
    public static Vector256<uint> Excused(ref uint one, nint oneStride, ref uint other, nint otherStride)
    {
        (Vector256<byte> a, Vector256<byte> lowA, Vector256<byte> highA) = Around(ref one, oneStride);
        (Vector256<byte> b, Vector256<byte> lowB, Vector256<byte> highB) = Around(ref other, otherStride);
        Vector256<byte> slack = Vector256.Create(Slack);
        Vector256<byte> difference = Vector256.Max(a, b) - Vector256.Min(a, b);
        Vector256<byte> range = Vector256.Max(highA, highB) - Vector256.Min(lowA, lowB);
        // Three quarters of the contrast: what half a pixel is where the edge runs diagonally.
        Vector256<byte> most = Shifted(range, 1, 0x7f) + Shifted(range, 2, 0x3f);

        Vector256<byte> between = Within(a, lowB, highB, slack) & Within(b, lowA, highA, slack);
        Vector256<byte> blend = Inside(a, lowA, highA, slack) | Inside(b, lowB, highB, slack);
        Vector256<byte> moved = Vector256.LessThanOrEqual(difference, most);
        Vector256<byte> same = Vector256.LessThanOrEqual(difference, slack);
        return Vector256.Equals((same | (between & blend & moved)).AsUInt32(), Vector256<uint>.AllBitsSet);
    }

    private static (Vector256<byte> Centre, Vector256<byte> Low, Vector256<byte> High) Around(ref uint first, nint stride)
    {
        Vector256<byte> centre = Vector256.LoadUnsafe(ref first, (nuint)(stride + 1)).AsByte();
        Vector256<byte> low = centre;
        Vector256<byte> high = centre;
        for (nint row = 0; row < 3; row++)
        {
            for (nint column = 0; column < 3; column++)
            {
                Vector256<byte> next = Vector256.LoadUnsafe(ref first, (nuint)((row * stride) + column)).AsByte();
                low = Vector256.Min(low, next);
                high = Vector256.Max(high, next);
            }
        }

        return (centre, low, high);
    }

    private static Vector256<byte> Within(Vector256<byte> value, Vector256<byte> low, Vector256<byte> high, Vector256<byte> slack) =>
        Vector256.GreaterThanOrEqual(Vector256.AddSaturate(value, slack), low)
        & Vector256.LessThanOrEqual(value, Vector256.AddSaturate(high, slack));

    private static Vector256<byte> Inside(Vector256<byte> value, Vector256<byte> low, Vector256<byte> high, Vector256<byte> slack) =>
        Vector256.GreaterThan(value, Vector256.AddSaturate(low, slack)) & Vector256.LessThan(Vector256.AddSaturate(value, slack), high);

    private static Vector256<byte> Shifted(Vector256<byte> value, int bits, byte mask) =>
        (value.AsUInt16() >>> bits).AsByte() & Vector256.Create(mask);
}
