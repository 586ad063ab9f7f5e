using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TestHarness.Screens;

/// <summary>
/// Compares an area of two pictures pixel by pixel: rows that are the same at once, of the others eight pixels at a time.
/// </summary>
/// <param name="expected">What should be there.</param>
/// <param name="actual">What is there.</param>
/// <param name="limit">The squared distance from which two colours differ (<see cref="ColourDistance.Square"/>).</param>
/// <param name="edges">Whether differences of anti-aliased edges count.</param>
/// <param name="ignored">One value a pixel of the expected picture, other than 0 where it does not count; <see langword="null"/> where all
/// do.</param>
internal sealed class PixelComparison(PixelImage expected, PixelImage actual, float limit, AntiAliasing edges, byte[]? ignored)
{
    public const byte Different = 1;
    public const byte Excused = 2;

    private const int Lanes = 8;

    // Eight pixels and one on each side, three rows.
    private const int WindowStride = Lanes + 2;
    private const int WindowSize = 3 * WindowStride;

    /// <summary>A value for each pixel of the expected picture, or <see langword="null"/> as long as nothing differs.</summary>
    public byte[]? Marks { get; private set; }

    public int DifferentCount { get; private set; }

    public int ExcusedCount { get; private set; }

    /// <summary>
    /// Compares an area of the expected picture with the same, moved, of the actual one; both are inside. Ends early above a number of
    /// different pixels.
    /// </summary>
    /// <returns>The number of different pixels.</returns>
    public int Compare(ScreenArea area, int moveX, int moveY, int stopAbove = int.MaxValue)
    {
        int before = DifferentCount;
        for (int y = area.Y; y < area.Bottom && DifferentCount - before <= stopAbove; y++)
        {
            ReadOnlySpan<uint> one = expected.Row(y).Slice(area.X, area.Width);
            ReadOnlySpan<uint> other = actual.Row(y + moveY).Slice(area.X + moveX, area.Width);
            if (!one.SequenceEqual(other))
                CompareRow(one, other, area.X, y, moveX, moveY);
        }

        return DifferentCount - before;
    }

    /// <summary>Sums up the squared distances of an area's pixels; 255 is black against white. Ends early above a sum.</summary>
    public double SumSquares(ScreenArea area, int moveX, int moveY, double stopAbove = double.MaxValue)
    {
        double sum = 0;
        for (int y = area.Y; y < area.Bottom && sum * ColourDistance.Levels <= stopAbove; y++)
        {
            ReadOnlySpan<uint> one = expected.Row(y).Slice(area.X, area.Width);
            ReadOnlySpan<uint> other = actual.Row(y + moveY).Slice(area.X + moveX, area.Width);
            if (!one.SequenceEqual(other))
                sum += SumRow(one, other, (y * expected.Width) + area.X);
        }

        return sum * ColourDistance.Levels;
    }

    private double SumRow(ReadOnlySpan<uint> one, ReadOnlySpan<uint> other, int at)
    {
        double sum = 0;
        for (int i = 0; i < one.Length; i++)
        {
            if (one[i] != other[i] && (ignored is null || ignored[at + i] == 0))
                sum += ColourDistance.Squared(one[i], other[i]);
        }

        return sum;
    }

    private void CompareRow(ReadOnlySpan<uint> one, ReadOnlySpan<uint> other, int firstX, int y, int moveX, int moveY)
    {
        Span<uint> tail = stackalloc uint[2 * Lanes];
        for (int i = 0; i < one.Length; i += Lanes)
        {
            int count = Math.Min(Lanes, one.Length - i);
            Vector256<uint> a,
                b;
            if (count == Lanes)
            {
                a = Vector256.Create(one.Slice(i, Lanes));
                b = Vector256.Create(other.Slice(i, Lanes));
            }
            else
            {
                tail.Clear();
                one[i..].CopyTo(tail);
                other[i..].CopyTo(tail[Lanes..]);
                a = Vector256.Create(tail[..Lanes]);
                b = Vector256.Create(tail[Lanes..]);
            }

            if (a == b)
                continue;
            uint found = Vector256.GreaterThan(ColourDistance.Squared(a, b), Vector256.Create(limit)).ExtractMostSignificantBits();
            if (found != 0)
                Note(found, firstX + i, y, moveX, moveY);
        }
    }

    private void Note(uint found, int x, int y, int moveX, int moveY)
    {
        int at = (y * expected.Width) + x;
        for (int lane = 0; ignored is not null && lane < Lanes && at + lane < ignored.Length; lane++)
        {
            if (ignored[at + lane] != 0)
                found &= ~(1u << lane);
        }

        if (found == 0)
            return;
        Marks ??= new byte[expected.Width * expected.Height];
        uint excused = edges == AntiAliasing.Ignore ? found & ExcusedAt(x, y, moveX, moveY) : 0;
        for (int lane = 0; lane < Lanes; lane++)
        {
            uint bit = 1u << lane;
            // Areas may overlap; a pixel counts once.
            if ((found & bit) == 0 || Marks[at + lane] == Different)
                continue;
            if ((excused & bit) != 0)
            {
                ExcusedCount += Marks[at + lane] == Excused ? 0 : 1;
                Marks[at + lane] = Excused;
                continue;
            }

            ExcusedCount -= Marks[at + lane] == Excused ? 1 : 0;
            Marks[at + lane] = Different;
            DifferentCount++;
        }
    }

    private uint ExcusedAt(int x, int y, int moveX, int moveY)
    {
        Span<uint> copies = stackalloc uint[2 * WindowSize];
        ref uint one = ref Window(expected, x, y, copies[..WindowSize], out nint oneStride);
        ref uint other = ref Window(actual, x + moveX, y + moveY, copies[WindowSize..], out nint otherStride);
        return BlendedEdges.Excused(ref one, oneStride, ref other, otherStride).ExtractMostSignificantBits();
    }

    // The eight pixels and those around them: in place, or a copy that repeats the picture's edge.
    private static ref uint Window(PixelImage picture, int x, int y, Span<uint> copy, out nint stride)
    {
        if (x > 0 && y > 0 && x + Lanes < picture.Width && y + 1 < picture.Height)
        {
            stride = picture.Width;
            return ref picture.Pixels[((y - 1) * picture.Width) + x - 1];
        }

        for (int i = 0; i < WindowSize; i++)
        {
            int row = Math.Clamp(y - 1 + (i / WindowStride), 0, picture.Height - 1);
            int column = Math.Clamp(x - 1 + (i % WindowStride), 0, picture.Width - 1);
            copy[i] = picture.Pixels[(row * picture.Width) + column];
        }

        stride = WindowStride;
        return ref MemoryMarshal.GetReference(copy);
    }
}
