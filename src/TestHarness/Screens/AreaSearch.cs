namespace TestHarness.Screens;

/// <summary>Finds where an area of a golden is on a screen, within a margin around its own place.</summary>
internal static class AreaSearch
{
    // Pixels at which the area is looked for first, where it has edges: a plain background is everywhere.
    private const int Samples = 256;

    // The most promising places, which are compared in full.
    private const int Candidates = 16;

    /// <summary>
    /// Returns how far the area has moved: to where it matches, or else to the most similar place; <see langword="null"/> where it fits
    /// nowhere.
    /// </summary>
    /// <param name="margin">How far it may have moved.</param>
    /// <param name="difference">Tells how different the area is at a place; it may end above a value that is of no interest.</param>
    /// <param name="allowed">The difference at which it matches.</param>
    public static (int X, int Y)? Find(
        PixelImage expected,
        PixelImage actual,
        ScreenArea area,
        int margin,
        PictureRules rules,
        Func<int, int, double, double> difference,
        double allowed
    )
    {
        int left = Math.Max(-margin, -area.X);
        int right = Math.Min(margin, actual.Width - area.Right);
        int top = Math.Max(-margin, -area.Y);
        int bottom = Math.Min(margin, actual.Height - area.Bottom);
        if (left > right || top > bottom)
            return null;
        (double Different, int X, int Y) best = (double.MaxValue, 0, 0);
        bool own = left <= 0 && right >= 0 && top <= 0 && bottom >= 0;
        if (own && (margin == 0 || difference(0, 0, allowed) <= allowed))
            return (0, 0);
        int[] samples = Sample(expected, area, rules.Ignored);
        var places = new List<(int Score, int Distance, int X, int Y)>();
        for (int y = top; y <= bottom; y++)
        {
            for (int x = left; x <= right; x++)
                places.Add((Score(expected, actual, samples, x, y, rules.Tolerance), Math.Abs(x) + Math.Abs(y), x, y));
        }

        foreach ((_, _, int x, int y) in places.Order().Take(Candidates))
        {
            double different = difference(x, y, best.Different);
            if (different < best.Different)
                best = (different, x, y);
            if (different <= allowed)
                break;
        }

        return (best.X, best.Y);
    }

    // Positions in the expected picture, spread over those that differ from their left or upper neighbour.
    private static int[] Sample(PixelImage expected, ScreenArea area, byte[]? ignored)
    {
        List<int> edges = [];
        List<int> all = [];
        for (int y = area.Y; y < area.Bottom; y++)
        {
            for (int x = area.X; x < area.Right; x++)
            {
                int at = (y * expected.Width) + x;
                if (ignored is not null && ignored[at] != 0)
                    continue;
                all.Add(at);
                uint pixel = expected.Pixels[at];
                if ((x > area.X && expected.Pixels[at - 1] != pixel) || (y > area.Y && expected.Pixels[at - expected.Width] != pixel))
                    edges.Add(at);
            }
        }

        List<int> from = edges.Count > 0 ? edges : all;
        int step = Math.Max(1, from.Count / Samples);
        return [.. from.Where((_, index) => index % step == 0)];
    }

    // How many of the samples are another colour; plainly, since it only orders the places.
    private static int Score(PixelImage expected, PixelImage actual, int[] samples, int moveX, int moveY, double tolerance)
    {
        int levels = (int)(tolerance * 255) + 1;
        int different = 0;
        foreach (int at in samples)
        {
            (int y, int x) = Math.DivRem(at, expected.Width);
            uint one = expected.Pixels[at];
            uint other = actual.Pixels[((y + moveY) * actual.Width) + x + moveX];
            if (one != other && (Far(one, other, 16) || Far(one, other, 8) || Far(one, other, 0)))
                different++;
        }

        return different;

        bool Far(uint one, uint other, int shift) => Math.Abs((int)((one >> shift) & 0xff) - (int)((other >> shift) & 0xff)) > levels;
    }
}
