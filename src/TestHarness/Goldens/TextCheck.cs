using System.Text;
using TestHarness.Errors;

namespace TestHarness.Goldens;

/// <summary>Compares a text with a golden's accepted texts.</summary>
internal sealed class TextCheck(string name, GoldenTextOptions options, GoldenCaller caller)
{
    private const int MostLines = 120;

    private readonly GoldenPlace _place = new(name, ".txt", options.Variant, [], caller);

    /// <summary>Compares.</summary>
    /// <param name="text">The text as it came.</param>
    /// <param name="scrubbers">What replaces what differs from run to run, unless the options say.</param>
    /// <param name="subject">What is compared, as the beginning of a sentence.</param>
    /// <exception cref="GoldenMismatchException">It is another text.</exception>
    public void Check(string text, IReadOnlyList<Scrubber> scrubbers, string subject)
    {
        string received = Normal((options.Scrubbers ?? scrubbers).Aggregate(Lines(text), (current, scrubber) => scrubber.Apply(current)));
        List<(string File, string Text)> accepted = Load();
        GoldenFiles.NoteUse(accepted.Select(golden => golden.File));
        if (accepted.Any(golden => golden.Text == received))
        {
            GoldenFiles.DeleteReceived(_place);
            return;
        }

        GoldenMode mode = GoldenModes.Current;
        TextDifference? nearest = accepted
            .Select(golden => TextDifference.Of(golden.File, golden.Text, received))
            .MinBy(difference => difference.Count);
        FailureText message = nearest is null
            ? new FailureText($"{subject} has no golden '{name}' yet.")
            : new FailureText($"{subject} does not match the golden '{name}'.")
                .Add("Different", nearest.Words)
                .Add("Difference (- golden, + received)", nearest.Show(MostLines))
                .Add("Accepted texts", accepted.Count > 1 ? $"{accepted.Count}; this one is the nearest" : null);
        GoldenMismatchException? failure = new GoldenEnding(_place, mode, message).End(
            nearest?.File,
            Encoding.UTF8.GetBytes(received),
            renewed: null,
            difference: null,
            (verified, file, _) => new GoldenMismatchException(name, message) { VerifiedFile = verified, ReceivedFile = file }
        );
        if (failure is not null)
            throw failure;
    }

    /// <summary>Returns a file's text, without the byte order mark that it may begin with.</summary>
    public static string TextOf(byte[] content)
    {
        using var reader = new StreamReader(new MemoryStream(content));
        return reader.ReadToEnd();
    }

    private List<(string File, string Text)> Load()
    {
        try
        {
            return [.. _place.AcceptedFiles.Select(file => (file, Normal(Lines(TextOf(GoldenFiles.Read(file))))))];
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new GoldenMismatchException(name, new FailureText($"The golden '{name}' can't be read.").Add("Reason", e.Message), e);
        }
    }

    // What is no valid text becomes what reading it back from the file gives.
    private static string Lines(string text) =>
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace("\r\n", "\n", StringComparison.Ordinal);

    // One line end at the end, as editors write it, and the lines of unordered blocks in order.
    private string Normal(string text)
    {
        List<string> lines = [.. text.TrimEnd('\n').Split('\n')];
        foreach (UnorderedBlock block in options.UnorderedBlocks)
        {
            for (int i = 0; i < lines.Count; i++)
            {
                if (!block.Begin.IsMatch(lines[i]))
                    continue;
                int end = block.End is { } pattern ? lines.FindIndex(i + 1, pattern.IsMatch) : -1;
                int count = (end < 0 ? lines.Count : end) - i - 1;
                lines.Sort(i + 1, count, StringComparer.Ordinal);
                i += count;
            }
        }

        return $"{string.Join('\n', lines)}\n";
    }
}
