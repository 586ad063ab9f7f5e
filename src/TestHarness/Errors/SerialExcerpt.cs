using System.Globalization;
using TestHarness.Text;

namespace TestHarness.Errors;

/// <summary>
/// The part of a serial log that a failure shows: what came since its test began, or since the machine was up, and of much of it the last
/// lines.
/// </summary>
/// <param name="Since">Since when, or <see langword="null"/> for all of the log.</param>
/// <param name="Text">The lines, without secrets; empty where there are none.</param>
/// <param name="IsCut">Whether there are more lines than these.</param>
internal sealed record SerialExcerpt(string? Since, string Text, bool IsCut)
{
    /// <summary>What a machine has whose log nobody has looked at.</summary>
    public static SerialExcerpt None { get; } = new(null, "", IsCut: false);

    /// <summary>What stands before the lines.</summary>
    public string Label
    {
        get
        {
            string[] details =
            [
                .. Since is null ? (string[])[] : [Since],
                .. IsCut ? [string.Create(CultureInfo.InvariantCulture, $"last {Text.Count('\n') + 1} lines")] : (string[])[],
            ];
            return details.Length == 0 ? "Serial log" : $"Serial log ({string.Join(", ", details)})";
        }
    }

    /// <summary>The lines, or a word where there are none.</summary>
    public string Words => Text.Length > 0 ? Text : "nothing was written";

    /// <summary>Makes the excerpt. Secrets are masked before anything is cut, which might leave half of one.</summary>
    /// <param name="log">The log's text, and where in it the excerpt begins.</param>
    /// <param name="since">What was there.</param>
    /// <param name="lines">How many lines there may be.</param>
    /// <param name="mask">The secrets.</param>
    /// <param name="telling">A line that tells what went wrong, shown even where it is above the others.</param>
    public static SerialExcerpt Of((string Text, int Start) log, string? since, int lines, SecretMask mask, string? telling)
    {
        string all = mask.Apply(log.Text, log.Start, endsCut: true).Trim('\n');
        string tail = TextTail.Of(all, lines, telling is null ? null : mask.Apply(telling));
        return new SerialExcerpt(since, tail, tail.Length < all.TrimEnd().Length);
    }
}
