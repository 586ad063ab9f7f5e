using TestHarness.Screens;

namespace TestHarness;

/// <summary>The text on a screen.</summary>
public sealed class ScreenText
{
    private readonly IReadOnlyList<ScreenLine> _lines;

    internal ScreenText(ScreenTextSource source, IReadOnlyList<ScreenLine> lines)
    {
        Source = source;
        _lines = lines;
        Lines = [.. lines.Select(line => line.Text)];
        Text = string.Join('\n', Lines).TrimEnd('\n');
    }

    /// <summary>Gets how it was read.</summary>
    public ScreenTextSource Source { get; }

    /// <summary>Gets the lines from the top, without the blanks at their ends; of a text screen all, blank ones too.</summary>
    public IReadOnlyList<string> Lines { get; }

    /// <summary>Gets the lines as one text, without the blank lines at the end.</summary>
    public string Text { get; }

    /// <summary>Finds where a text is on the screen; it must be within a line.</summary>
    /// <param name="text">The text, compared exactly.</param>
    /// <returns>The area of the first one from the top, or <see langword="null"/>.</returns>
    public ScreenArea? Find(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        foreach (ScreenLine line in _lines)
        {
            if (line.Text.IndexOf(text, StringComparison.Ordinal) is var at and >= 0)
                return line.Areas.Skip(at).Take(text.Length).Aggregate((all, next) => all.JoinedWith(next));
        }

        return null;
    }

    /// <summary>Returns the text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Text;
}
