using System.Text;

namespace TestHarness.Text;

/// <summary>The end of a text, for messages: some lines, and not many characters however long they are.</summary>
internal static class TextTail
{
    /// <summary>More bytes than the tail of a text can need.</summary>
    public const int MaxBytes = 4 * MaxCharacters;

    private const int MaxCharacters = 8000;

    /// <summary>Returns the last lines.</summary>
    public static string Of(string text, int lines) => Of(text.AsSpan(), lines);

    /// <summary>Returns the last lines, and first of all the line that tells what it was about, where that is above them.</summary>
    public static string Of(string text, int lines, string? telling)
    {
        string tail = Of(text, lines);
        ReadOnlySpan<char> above = text.AsSpan(0, text.LastIndexOf(tail, StringComparison.Ordinal));
        if (
            string.IsNullOrWhiteSpace(telling)
            || tail.Contains(telling.Trim(), StringComparison.Ordinal)
            || above.LastIndexOf(telling) is var found && found < 0
        )
            return tail;
        int left = above[found..].Count('\n') - 1;
        return left < 1 ? $"{telling}\n{tail}" : $"{telling}\n[… {left} lines …]\n{tail}";
    }

    /// <summary>Returns the last lines of a text in UTF-8.</summary>
    public static string Of(ReadOnlySpan<byte> text, int lines) =>
        Of(Encoding.UTF8.GetString(text[Math.Max(0, text.Length - MaxBytes)..]).AsSpan(), lines);

    private static string Of(ReadOnlySpan<char> text, int lines)
    {
        ReadOnlySpan<char> tail = text.TrimEnd();
        tail = tail[Math.Max(0, tail.Length - MaxCharacters)..];
        int start = tail.Length;
        for (; lines > 0 && start >= 0; lines--)
            start = tail[..start].LastIndexOf('\n');

        return tail[(start + 1)..].ToString();
    }
}
