namespace TestHarness.Screens;

/// <summary>Compares two pictures by rules.</summary>
internal static class PictureComparison
{
    public static PictureDifference Compare(PixelImage expected, PixelImage actual, PictureRules rules)
    {
        if (rules.Areas.Count == 0 && !expected.HasSizeOf(actual))
            return new PictureDifference
            {
                OtherReason = $"it is {actual.Width}×{actual.Height}, and the golden {expected.Width}×{expected.Height}",
            };
        PixelComparison pixels = New();
        IReadOnlyList<MatchArea> areas = rules.Areas.Count > 0 ? rules.Areas : [new MatchArea(expected.Area)];
        List<string> failed = [];
        List<ScreenArea> found = [];
        int counted = 0;
        long compared = 0;
        foreach (MatchArea area in areas)
        {
            ScreenArea place = area.Area.ClippedTo(expected.Width, expected.Height);
            if (place.Pixels == 0 || place != area.Area)
                return new PictureDifference
                {
                    OtherReason = $"its area {area.Area} is not inside the golden's {expected.Width}×{expected.Height}",
                };
            long count = Counted(place, expected.Width, rules.Ignored);
            (Func<int, int, double, double> measure, double allowed) = area.Match is { } match
                ? ((Func<int, int, double, double>)((x, y, stop) => New().SumSquares(place, x, y, stop)), MeanSquareOf(match) * count)
                : ((x, y, stop) => New().Compare(place, x, y, (int)Math.Min(stop, int.MaxValue)), rules.Allowed(count));
            if (AreaSearch.Find(expected, actual, place, area.Margin, rules, measure, allowed) is not var (moveX, moveY))
                return new PictureDifference
                {
                    OtherReason = $"its area {place} is not inside the screen's {actual.Width}×{actual.Height}",
                };
            int different = pixels.Compare(place, moveX, moveY);
            found.Add(place with { X = place.X + moveX, Y = place.Y + moveY });
            compared += count;
            if (area.Match is null)
                counted += different;
            else if (measure(moveX, moveY, double.MaxValue) is var squares && squares > allowed)
                failed.Add(
                    FormattableString.Invariant(
                        $"{place}: {Similarity(squares / Math.Max(1, count)):0.#} % similar, {area.Match:0.##} % are asked for"
                    )
                );
        }

        int allAllowed = rules.Allowed(compared);
        return new PictureDifference
        {
            Matches = failed.Count == 0 && counted <= allAllowed,
            Different = pixels.DifferentCount,
            Excused = pixels.ExcusedCount,
            Compared = compared,
            Allowed = allAllowed,
            Found = found,
            FailedAreas = failed,
            Marks = pixels.Marks,
            Width = expected.Width,
        };

        PixelComparison New() => new(expected, actual, ColourDistance.Square(rules.Tolerance), rules.AntiAliasing, rules.Ignored);
    }

    // openQA's measure (os-autoinst, tinycv): 100 % is no difference, 90 % a mean square of 40 levels; here of colours in place of greys.
    private static double Similarity(double meanSquare) => Math.Max(0, 100 - (meanSquare / 4));

    private static double MeanSquareOf(double similarity) => (100 - similarity) * 4;

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
