using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace TestHarness.Text;

/// <summary>
/// Makes what a guest wrote harmless for those who read it in a terminal, a CI log or an XML file: control characters, invisible changes of
/// direction and what XML does not take are shown as <c>\x1b</c> or <c>\u202e</c>, and a backslash breaks what a CI system would take for a
/// command. Done twice it is as done once. Logs and attachments keep what the guest wrote.
/// </summary>
internal static partial class PrintableText
{
    // Azure Pipelines, TeamCity and GitHub find these anywhere in a line:
    // https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands,
    // https://www.jetbrains.com/help/teamcity/service-messages.html. GitHub's '::' counts at the start of a line, after white space.
    private static readonly string[] CommandMarkers = ["##vso[", "##[", "##teamcity["];

    /// <summary>Returns the text with LF line ends and nothing in it that acts.</summary>
    public static string Of(string text)
    {
        var printable = new StringBuilder(text.Length + 16);
        bool lineStart = true;
        for (int i = 0; i < text.Length; i++)
        {
            char character = text[i];
            ReadOnlySpan<char> rest = text.AsSpan(i);
            // Before a line feed it is a line's end; after one (a getty writes that) it changes nothing.
            if (character == '\r' && (rest is [_, '\n', ..] || printable is { Length: 0 } || printable[^1] == '\n'))
                continue;
            if (char.IsSurrogate(character))
                i += AppendSurrogate(printable, rest);
            else if (MustBeShown(character))
                printable.Append(Shown(character));
            else if (lineStart && rest is [':', ':', ..])
                printable.Append("\\:");
            else if (IsCommand(rest))
                printable.Append("#\\");
            else
                printable.Append(character);
            lineStart = character == '\n' || (lineStart && char.IsWhiteSpace(character) && !MustBeShown(character));
        }

        return printable.ToString();
    }

    /// <summary>Returns the same without colours, which say nothing to who reads a message.</summary>
    // First of all: what is left closes up, and is looked at like that.
    public static string WithoutColours(string text) => Of(Colour().Replace(text, ""));

    // Returns how many characters more than one it took.
    private static int AppendSurrogate(StringBuilder printable, ReadOnlySpan<char> rest)
    {
        if (rest.Length > 1 && char.IsSurrogatePair(rest[0], rest[1]))
        {
            printable.Append(rest[..2]);
            return 1;
        }

        printable.Append('\ufffd');
        return 0;
    }

    // Controls but for tab and line feed; marks, embeddings, overrides and isolates of direction; line separators that are no LF; what is
    // no character.
    private static bool MustBeShown(char character) =>
        (char.IsControl(character) && character is not ('\t' or '\n'))
        || character
            is '\u061c'
                or (>= '\u200e' and <= '\u200f')
                or (>= '\u2028' and <= '\u202e')
                or (>= '\u2066' and <= '\u2069')
                or >= '\ufffe';

    private static string Shown(char character) =>
        character < 0x100
            ? string.Create(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}")
            : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");

    private static bool IsCommand(ReadOnlySpan<char> rest)
    {
        if (rest[0] != '#')
            return false;
        foreach (string marker in CommandMarkers)
        {
            if (rest.StartsWith(marker, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }

    // ECMA-48 SGR, and what 'tput sgr0' sends before it (the usual character set).
    [GeneratedRegex(@"(\x1b\[|\x9b)[0-9;:]*m|\x1b\(B")]
    private static partial Regex Colour();
}
