using System.Globalization;
using System.Text;
using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Screens;

/// <summary>
/// Reads text off a picture with tesseract (https://tesseract-ocr.github.io), a program of the host that is asked for only when nothing
/// else can read.
/// </summary>
internal static class Tesseract
{
    public const string Program = "tesseract";

    // It is made for print at 300 dots per inch; letters of a screen are too small for it.
    private const int Enlarged = 3;

    // Columns of its TSV output: level page block paragraph line word left top width height confidence text.
    private const int Columns = 12;

    /// <summary>Reads a picture.</summary>
    /// <param name="picture">The picture, whose text may be anywhere.</param>
    /// <param name="folder">A folder for files on the way.</param>
    /// <param name="cancellationToken">Kills the program.</param>
    /// <exception cref="HostNotReadyException">It is not installed, or failed.</exception>
    public static async Task<ScreenText> ReadAsync(PixelImage picture, string folder, CancellationToken cancellationToken)
    {
        Prerequisites.Require([Program]);
        string file = Path.Combine(folder, $"text-{Guid.NewGuid():N}.png");
        try
        {
            await File.WriteAllBytesAsync(file, PngFile.Write(Enlarge(picture)), cancellationToken).ConfigureAwait(false);
            // Page segmentation 11: as much text as possible, in no order; one thread, for the guest needs the processor, too.
            var options = new HelperOptions { Environment = new Dictionary<string, string> { ["OMP_THREAD_LIMIT"] = "1" } };
            HelperResult result = await HelperProgram
                .RunAsync(Program, [file, "-", "--psm", "11", "tsv"], options, cancellationToken)
                .ConfigureAwait(false);
            return result.ExitCode == 0
                ? Parse(result.StandardOutput)
                : throw new HostNotReadyException(
                    new FailureText("tesseract could not read the screen.")
                        .Add("Standard error", result.StandardError)
                        .Try("sudo apt-get install tesseract-ocr tesseract-ocr-eng")
                );
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Reads its output: words with places, gathered in lines from the top.</summary>
    public static ScreenText Parse(string output)
    {
        string[][] rows =
        [
            .. output
                .Split('\n')
                .Select(line => line.TrimEnd('\r').Split('\t'))
                .Where(row => row is { Length: Columns } and ["5", ..] && row[11].Trim().Length > 0),
        ];
        return new ScreenText(
            ScreenTextSource.Recognition,
            [
                .. rows.GroupBy(row => string.Join('.', row[1..5]))
                    .Select(ToLine)
                    .OrderBy(line => line.Areas[0].Y)
                    .ThenBy(line => line.Areas[0].X),
            ]
        );
    }

    private static ScreenLine ToLine(IEnumerable<string[]> words)
    {
        var text = new StringBuilder();
        var areas = new List<ScreenArea>();
        foreach (string[] row in words)
        {
            int[] place = [.. row[6..10].Select(number => int.Parse(number, CultureInfo.InvariantCulture) / Enlarged)];
            var area = new ScreenArea(place[0], place[1], Math.Max(1, place[2]), Math.Max(1, place[3]));
            string word = text.Length > 0 ? $" {row[11]}" : row[11];
            text.Append(word);
            areas.AddRange(Enumerable.Repeat(area, word.Length));
        }

        return new ScreenLine(text.ToString(), areas);
    }

    private static PixelImage Enlarge(PixelImage picture)
    {
        PixelImage large = PixelImage.Filled(picture.Width * Enlarged, picture.Height * Enlarged, 0);
        for (int y = 0; y < large.Height; y++)
        {
            ReadOnlySpan<uint> from = picture.Row(y / Enlarged);
            Span<uint> to = large.Row(y);
            for (int x = 0; x < to.Length; x++)
                to[x] = from[x / Enlarged];
        }

        return large;
    }
}
