using System.Globalization;
using System.Text.Json;
using TestHarness.Screens;

namespace TestHarness.Goldens;

/// <summary>
/// The JSON file beside a golden picture, in openQA's format for needles: <c>area</c> with <c>xpos</c>, <c>ypos</c>, <c>width</c>,
/// <c>height</c>, <c>type</c> (<c>match</c>, <c>exclude</c>, <c>ocr</c>), <c>match</c> and <c>margin</c>, and <c>tags</c>. Members that
/// openQA has for other purposes are passed over. Beside goldens of ours it may also have <c>tolerance</c>, <c>maxDifferentPixels</c>,
/// <c>maxDifferentRatio</c> and <c>ignoredColour</c>.
/// </summary>
internal sealed record GoldenAreas
{
    // os-autoinst, needle.pm and tinycv.pm.
    private const int NeedleMatch = 95;
    private const int NeedleMargin = 50;

    public IReadOnlyList<MatchArea> Match { get; private init; } = [];

    public IReadOnlyList<ScreenArea> Excluded { get; private init; } = [];

    /// <summary>Where a click on the golden goes, if it says so: which of <see cref="Match"/>, and the place in that.</summary>
    public (int Area, int X, int Y)? ClickPoint { get; private init; }

    public IReadOnlyList<string> Tags { get; private init; } = [];

    public double? Tolerance { get; private init; }

    public int? MaxDifferentPixels { get; private init; }

    public double? MaxDifferentRatio { get; private init; }

    public string? IgnoredColour { get; private init; }

    /// <summary>Reads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isNeedle">Whether what a match area does not say is what openQA takes; else it counts like the rest and has not
    /// moved.</param>
    /// <exception cref="InvalidDataException">It is no such file; the message names it and the place.</exception>
    public static GoldenAreas Read(string file, bool isNeedle)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(
                GoldenFiles.Read(file),
                new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }
            );
            return Read(document.RootElement, isNeedle);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException($"The file '{file}' is not in openQA's format for needles: {e.Message}", e);
        }
    }

    private static GoldenAreas Read(JsonElement root, bool isNeedle)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new FormatException($"it is no object but {root.ValueKind}.");
        List<MatchArea> match = [];
        List<ScreenArea> excluded = [];
        (int, int, int)? click = null;
        foreach (JsonElement area in Items(root, "area"))
        {
            var place = new ScreenArea(
                Whole(area, "xpos") ?? 0,
                Whole(area, "ypos") ?? 0,
                Whole(area, "width") ?? 0,
                Whole(area, "height") ?? 0
            );
            string type = Text(area, "type") ?? "match";
            if (type == "exclude")
                excluded.Add(place);
            else if (type == "match")
            {
                if (area.TryGetProperty("click_point", out JsonElement point))
                    click = (match.Count, ClickAt(point, "xpos", place.Width), ClickAt(point, "ypos", place.Height));
                match.Add(
                    new MatchArea(
                        place,
                        Positive(area, "match") ?? (isNeedle ? NeedleMatch : null),
                        (int)(Positive(area, "margin") ?? (isNeedle ? NeedleMargin : 0))
                    )
                );
            }
            // What openQA reads off an area of text goes into its report, and does not decide (os-autoinst, tinycv.pm).
            else if (type != "ocr")
                throw new FormatException($"an area has the type '{type}', which is none of match, exclude and ocr.");
        }

        return new GoldenAreas
        {
            Match = match,
            Excluded = excluded,
            ClickPoint = click,
            Tags = [.. Items(root, "tags").Where(tag => tag.ValueKind == JsonValueKind.String).Select(tag => tag.GetString()!)],
            Tolerance = Number(root, "tolerance"),
            MaxDifferentPixels = Whole(root, "maxDifferentPixels"),
            MaxDifferentRatio = Number(root, "maxDifferentRatio"),
            IgnoredColour = Text(root, "ignoredColour"),
        };
    }

    // An object, or the word "center".
    private static int ClickAt(JsonElement point, string axis, int size) =>
        point.ValueKind == JsonValueKind.Object ? Whole(point, axis) ?? (size / 2) : size / 2;

    private static JsonElement.ArrayEnumerator Items(JsonElement owner, string name) =>
        !owner.TryGetProperty(name, out JsonElement items) ? default
        : items.ValueKind == JsonValueKind.Array ? items.EnumerateArray()
        : throw new FormatException($"'{name}' is no list.");

    private static string? Text(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    // Needles made by hand or by scripts have numbers in quotes, too; Perl does not mind.
    private static double? Number(JsonElement owner, string name) =>
        !owner.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String
        && double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble()
        : throw new FormatException($"'{name}' is no number.");

    private static int? Whole(JsonElement owner, string name) =>
        Number(owner, name) is not { } number ? null
        : Math.Abs(number) < int.MaxValue ? (int)Math.Round(number)
        : throw new FormatException($"'{name}' is too large.");

    // For openQA 0 is the same as nothing.
    private static double? Positive(JsonElement owner, string name) => Number(owner, name) is > 0 and var number ? number : null;
}
