using System.Globalization;
using TestHarness.Screens;

namespace TestHarness.Goldens;

/// <summary>Says how a picture differs from its golden.</summary>
internal static class PictureWords
{
    private const int MostOthers = 5;

    /// <summary>How many pixels differ, of how many; null where another reason decides.</summary>
    public static string? Count(PictureDifference difference) =>
        difference.OtherReason is not null
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{difference.Different:N0} of {difference.Compared:N0} pixels "
                    + $"({100.0 * difference.Different / Math.Max(1, difference.Compared):0.###} %), {difference.Allowed:N0} "
                    + $"may{(difference.Excused > 0 ? $"; {difference.Excused:N0} more in smoothed edges, which do not count" : "")}"
            );

    /// <summary>The areas that differ, the largest first, and where on the golden they are.</summary>
    public static (string? Largest, string? Others) Areas(PictureDifference difference, PixelImage golden)
    {
        IReadOnlyList<ScreenArea> regions = difference.Regions();
        string Words(ScreenArea area) => $"{area} ({DifferenceRegions.Place(area, golden.Width, golden.Height)})";
        int left = regions.Count - 1 - MostOthers;
        return regions.Count == 0
            ? (null, null)
            : (
                Words(regions[0]),
                regions.Count == 1
                    ? null
                    : string.Join('\n', regions.Skip(1).Take(MostOthers).Select(Words).Append(left > 0 ? $"and {left} more" : ""))
            );
    }
}
