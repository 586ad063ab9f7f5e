using System.Globalization;
using TestHarness.Screens;

namespace TestHarness.Goldens;

/// <summary>One accepted picture with its rules, from its files.</summary>
internal sealed class GoldenPicture
{
    private const byte DarkMask = 128;

    private readonly (int Area, int X, int Y)? _clickPoint;

    private GoldenPicture(string file, PixelImage pixels, PictureRules rules, byte[]? painted, (int Area, int X, int Y)? clickPoint) =>
        (File, Pixels, Rules, Painted, _clickPoint) = (file, pixels, rules, painted, clickPoint);

    public string File { get; }

    public PixelImage Pixels { get; }

    public PictureRules Rules { get; }

    // What is erased or painted in the picture itself, for a new picture to keep.
    private byte[]? Painted { get; }

    /// <summary>Loads a golden of ours; a <c>.verified.json</c> beside it and a <c>.mask.png</c> belong to it.</summary>
    /// <exception cref="InvalidDataException">A file can't be read.</exception>
    public static GoldenPicture Load(string file, GoldenOptions options)
    {
        string areas = Path.ChangeExtension(file, ".json");
        string mask = file.Replace(".verified.png", ".mask.png", StringComparison.Ordinal);
        return Load(
            file,
            options,
            System.IO.File.Exists(areas) ? GoldenAreas.Read(areas, isNeedle: false) : new GoldenAreas(),
            System.IO.File.Exists(mask) ? mask : null
        );
    }

    /// <summary>Loads the needles of a folder that have a tag or a name.</summary>
    /// <param name="notes">What keeps a needle from being used is added.</param>
    /// <exception cref="InvalidDataException">A file can't be read.</exception>
    public static IReadOnlyList<GoldenPicture> LoadNeedles(string folder, string name, GoldenOptions options, List<string> notes)
    {
        if (!Directory.Exists(folder))
            throw new InvalidDataException($"There is no folder of needles '{folder}'.");
        List<GoldenPicture> needles = [];
        foreach (string file in Directory.EnumerateFiles(folder, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            GoldenAreas areas = GoldenAreas.Read(file, isNeedle: true);
            if (!areas.Tags.Contains(name) && Path.GetFileNameWithoutExtension(file) != name)
                continue;
            string picture = Path.ChangeExtension(file, ".png");
            if (areas.Match.Count == 0)
                notes.Add($"{file}: has no area of the type match");
            else if (!System.IO.File.Exists(picture))
                notes.Add($"{file}: has no picture '{Path.GetFileName(picture)}' beside it");
            else
                needles.Add(Load(picture, options, areas, mask: null));
        }

        return needles;
    }

    /// <summary>Where a click on it goes, as openQA has it: the point that it names, or else the middle of its last area.</summary>
    /// <param name="found">Where its areas are on the screen.</param>
    public (int X, int Y) ClickPoint(IReadOnlyList<ScreenArea> found)
    {
        if (_clickPoint is var (area, x, y))
            return (found[area].X + x, found[area].Y + y);
        ScreenArea last = found[^1];
        return (last.X + (last.Width / 2), last.Y + (last.Height / 2));
    }

    /// <summary>Returns a new picture in place of this one: what is erased or painted in this one is so in the new one.</summary>
    public byte[] Renew(Screenshot received, PixelImage pixels)
    {
        if (Painted is null || !pixels.HasSizeOf(Pixels))
            return received.Png.ToArray();
        var renewed = new PixelImage(pixels.Width, pixels.Height, [.. pixels.Pixels]);
        for (int i = 0; i < Painted.Length; i++)
        {
            if (Painted[i] != 0)
                renewed.Pixels[i] = Pixels.Pixels[i];
        }

        return PngFile.Write(renewed);
    }

    private static GoldenPicture Load(string file, GoldenOptions options, GoldenAreas areas, string? mask)
    {
        PixelImage pixels = Read(file);
        byte[]? painted = Paint(pixels, areas.IgnoredColour ?? options.IgnoredColour, file);
        byte[]? ignored = painted is null ? null : [.. painted];
        if (mask is not null)
            AddMask(ref ignored, pixels, mask);
        foreach (ScreenArea area in areas.Excluded.Concat(options.IgnoredAreas))
        {
            ScreenArea inside = area.ClippedTo(pixels.Width, pixels.Height);
            ignored ??= new byte[pixels.Pixels.Length];
            for (int y = inside.Y; y < inside.Bottom; y++)
                ignored.AsSpan((y * pixels.Width) + inside.X, inside.Width).Fill(1);
        }

        return new GoldenPicture(
            file,
            pixels,
            new PictureRules
            {
                Tolerance = areas.Tolerance ?? options.Tolerance,
                AntiAliasing = options.AntiAliasing,
                MaxDifferentPixels = areas.MaxDifferentPixels ?? options.MaxDifferentPixels,
                MaxDifferentRatio = areas.MaxDifferentRatio ?? options.MaxDifferentRatio,
                Areas = [.. areas.Match, .. options.MatchAreas.Select(area => new MatchArea(area, null, options.SearchMargin))],
                Ignored = ignored,
            },
            painted,
            areas.ClickPoint
        );
    }

    private static PixelImage Read(string file) => PngFile.Read(GoldenFiles.Read(file), file);

    private static byte[]? Paint(PixelImage pixels, string? colour, string file)
    {
        uint? paint =
            colour is null ? null
            : colour.Length == 7
            && colour[0] == '#'
            && uint.TryParse(colour.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value)
                ? 0xff000000 | value
            : throw new InvalidDataException(
                $"The colour that '{file}' is to be painted with where it does not count is '{colour}', which is not like #ff00ff."
            );
        byte[]? painted = null;
        for (int i = 0; i < pixels.Pixels.Length; i++)
        {
            uint pixel = pixels.Pixels[i];
            if (pixel >> 24 == 0 || pixel == paint)
                (painted ??= new byte[pixels.Pixels.Length])[i] = 1;
        }

        return painted;
    }

    // Black is left out, white is compared.
    private static void AddMask(ref byte[]? ignored, PixelImage pixels, string file)
    {
        PixelImage mask = Read(file);
        if (!mask.HasSizeOf(pixels))
            throw new InvalidDataException(
                $"The mask '{file}' is {mask.Width}×{mask.Height}, and its golden {pixels.Width}×{pixels.Height}."
            );
        ignored ??= new byte[mask.Pixels.Length];
        for (int i = 0; i < mask.Pixels.Length; i++)
        {
            uint pixel = mask.Pixels[i];
            if (pixel >> 24 > DarkMask && (pixel & 0xff) < DarkMask && (pixel >> 8 & 0xff) < DarkMask && (pixel >> 16 & 0xff) < DarkMask)
                ignored[i] = 1;
        }
    }
}
