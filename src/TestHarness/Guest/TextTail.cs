using System.Text;

namespace TestHarness.Guest;

/// <summary>The end of a text, for messages: some lines, and not many characters however long they are.</summary>
internal static class TextTail
{
    /// <summary>More bytes than the tail of a text can need.</summary>
    public const int MaxBytes = 4 * MaxCharacters;

    private const int MaxCharacters = 8000;

    /// <summary>Returns the last lines.</summary>
    public static string Of(string text, int lines) => Of(text.AsSpan(), lines);

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
