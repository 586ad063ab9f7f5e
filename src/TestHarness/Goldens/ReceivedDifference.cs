using TestHarness.Screens;

namespace TestHarness.Goldens;

/// <summary>
/// Compares what was received with its golden once more, for a person: a picture in words and as a picture, a text line by line.
/// </summary>
internal static class ReceivedDifference
{
    private const int MostLines = 400;

    /// <summary>Describes the difference; of a picture it is drawn beside what was received.</summary>
    /// <returns>The words, and the file with the picture.</returns>
    /// <exception cref="InvalidDataException">A file can't be read.</exception>
    public static (string Words, string? Picture) Of(ReceivedGolden received) =>
        received.File.EndsWith(".png", StringComparison.Ordinal)
            ? OfPicture(received.File, received.Golden!)
            : (OfText(received.File, received.Golden!), null);

    private static string OfText(string received, string golden)
    {
        string Read(string file) => TextCheck.TextOf(GoldenFiles.Read(file)).Replace("\r\n", "\n", StringComparison.Ordinal);
        TextDifference difference = TextDifference.Of(golden, Read(golden), Read(received));
        return difference.Count == 0 ? "no line differs\n" : $"{difference.Words}\n{difference.Show(MostLines)}";
    }

    private static (string Words, string Picture) OfPicture(string received, string golden)
    {
        GoldenPicture expected = GoldenPicture.Load(golden, new GoldenOptions());
        PixelImage actual = PngFile.Read(GoldenFiles.Read(received), received);
        PictureDifference difference = PictureComparison.Compare(expected.Pixels, actual, expected.Rules);
        string picture = ReceivedFiles.DifferenceBeside(received);
        File.WriteAllBytes(picture, PngFile.Write(DifferencePicture.Draw(expected.Pixels, actual, difference)));
        (string? largest, string? others) = PictureWords.Areas(difference, expected.Pixels);
        string words = string.Join(
            '\n',
            new[] { difference.OtherReason, PictureWords.Count(difference), largest, others }.Where(line => !string.IsNullOrEmpty(line))
        );
        return ($"{words}\n", picture);
    }
}
