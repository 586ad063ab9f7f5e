namespace TestHarness.Guest;

/// <summary>The end of a text, for messages.</summary>
internal static class TextTail
{
    private const int MaxCharacters = 8000;

    /// <summary>Returns the last lines, with a marker where something is left out.</summary>
    public static string Of(string text, int lines)
    {
        string trimmed = text.TrimEnd();
        if (trimmed.Length > MaxCharacters)
            trimmed = trimmed[^MaxCharacters..];
        string[] all = trimmed.Split('\n');
        return all.Length > lines ? string.Join('\n', all[^lines..]) : trimmed;
    }
}
