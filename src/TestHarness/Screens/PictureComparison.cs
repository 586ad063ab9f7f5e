namespace TestHarness.Screens;

/// <summary>Compares two pictures by rules.</summary>
internal static class PictureComparison
{
    public static PictureDifference Compare(PixelImage expected, PixelImage actual, PictureRules rules)
    {
        if (rules.Areas.Count == 0 && !expected.HasSizeOf(actual))
            return new PictureDifference { OtherReason = $"it is {actual.Width}×{actual.Height}, and the golden {expected.Width}×{expected.Height}" };
        var pixels = new PixelComparison(expected, actual, ColourDistance.Square(rules.Tolerance), rules.AntiAliasing, rules.Ignored);
        IReadOnlyList<MatchArea> areas = rules.Areas.Count > 0 ? rules.Areas : [new MatchArea(expected.Area, null, rules.SearchMargin)];
        List<string> failed = [];
        int counted = 0;
        long compared = 0;
        foreach (MatchArea area in areas)
        {
            ScreenArea place = area.Area.ClippedTo(expected.Width, expected.Height);
            if (place.Pixels == 0 || place != area.Area)
                return new PictureDifference { OtherReason = $"its area {area.Area} is not inside the golden's {expected.Width}×{expected.Height}" };
            long count = Counted(place, expected.Width, rules.Ignored);
            int allowed = area.Match is { } match ? (int)Math.Floor(count * (100 - match) / 100) : rules.Allowed(count);
            (int x, int y)? move = AreaSearch.Find(expected, actual, place, area.Margin, rules, allowed);
            if (move is not var (moveX, moveY))
                return new PictureDifference { OtherReason = $"its area {place} is not inside the screen's {actual.Width}×{actual.Height}" };
            int different = pixels.Compare(place, moveX, moveY);
            compared += count;
            if (area.Match is null)
                counted += different;
            else if (different > allowed)
                failed.Add($"{place}: {Percent(count - different, count)} of it match, {area.Match:0.##} % are asked for");
        }

        int allAllowed = rules.Allowed(compared);
        return new PictureDifference
        {
            Matches = failed.Count == 0 && counted <= allAllowed,
            Different = pixels.DifferentCount,
            Excused = pixels.ExcusedCount,
            Compared = compared,
            Allowed = allAllowed,
            FailedAreas = failed,
            Marks = pixels.Marks,
            Width = expected.Width,
        };
    }

    private static string Percent(long part, long whole) => FormattableString.Invariant($"{Math.Floor(1000.0 * part / Math.Max(1, whole)) / 10:0.#} %");

    private static long Counted(ScreenArea area, int width, byte[]? ignored)
    {
        if (ignored is null)
            return area.Pixels;
        long count = 0;
        for (int y = area.Y; y < area.Bottom; y++)
            count += ignored.AsSpan((y * width) + area.X, area.Width).Count((byte)0);
        return count;
    }
}
