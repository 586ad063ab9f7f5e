namespace TestHarness.Screens;

/// <summary>Draws expected picture, actual picture and the differences side by side.</summary>
internal static class DifferencePicture
{
    private const int Gap = 8;
    private const uint Background = 0xff303030;
    private const uint Different = 0xffff0000;
    private const uint Excused = 0xffffb000;
    private const uint Frame = 0xffff00ff;

    // The largest picture that is read must fit into it three times.
    private const int MostFrames = 50;

    /// <summary>Draws the picture; without marks (the sizes differ) the third part shows the actual picture, pale.</summary>
    public static PixelImage Draw(PixelImage expected, PixelImage actual, PictureDifference difference)
    {
        int width = Math.Max(expected.Width, actual.Width);
        int height = Math.Max(expected.Height, actual.Height);
        PixelImage drawn = PixelImage.Filled((3 * width) + (2 * Gap), height, Background);
        Copy(expected, drawn, 0);
        Copy(actual, drawn, width + Gap);
        int third = 2 * (width + Gap);
        // Pale, so that the marks stand out.
        for (int y = 0; y < actual.Height; y++)
        {
            ReadOnlySpan<uint> from = actual.Row(y);
            Span<uint> to = drawn.Row(y)[third..];
            for (int x = 0; x < from.Length; x++)
                to[x] = Pale(from[x]);
        }

        if (difference.Marks is not { } marks)
            return drawn;
        for (int at = 0; at < marks.Length; at++)
        {
            (int y, int x) = Math.DivRem(at, difference.Width);
            if (marks[at] != 0)
                drawn.Row(y)[third + x] = marks[at] == PixelComparison.Different ? Different : Excused;
        }

        foreach (ScreenArea region in difference.Regions().Take(MostFrames))
            Outline(drawn, region, third, width, height);
        return drawn;
    }

    private static void Copy(PixelImage from, PixelImage to, int left)
    {
        for (int y = 0; y < from.Height; y++)
        {
            Span<uint> row = to.Row(y).Slice(left, from.Width);
            from.Row(y).CopyTo(row);
            for (int x = 0; x < row.Length; x++)
                row[x] |= 0xff000000;
        }
    }

    private static uint Pale(uint pixel)
    {
        uint grey = ((((pixel >> 16) & 0xff) * 299) + (((pixel >> 8) & 0xff) * 587) + ((pixel & 0xff) * 114)) / 1000;
        uint pale = 160 + (grey * 3 / 8);
        return 0xff000000 | (pale << 16) | (pale << 8) | pale;
    }

    // Two pixels around the place, so that a single pixel is seen, too.
    private static void Outline(PixelImage drawn, ScreenArea region, int left, int width, int height)
    {
        int x1 = Math.Max(0, region.X - 3);
        int y1 = Math.Max(0, region.Y - 3);
        int x2 = Math.Min(width - 1, region.Right + 2);
        int y2 = Math.Min(height - 1, region.Bottom + 2);
        drawn.Row(y1)[(left + x1)..(left + x2 + 1)].Fill(Frame);
        drawn.Row(y2)[(left + x1)..(left + x2 + 1)].Fill(Frame);
        for (int y = y1; y <= y2; y++)
        {
            drawn.Row(y)[left + x1] = Frame;
            drawn.Row(y)[left + x2] = Frame;
        }
    }
}
