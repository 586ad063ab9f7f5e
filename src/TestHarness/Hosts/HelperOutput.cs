using System.Text;

namespace TestHarness.Hosts;

/// <summary>
/// What a helper program writes to one of its streams: handed on by lines and kept as text, up to a bound. What writes more is ended.
/// </summary>
internal sealed class HelperOutput(HelperOptions options, Action<string>? onLine)
{
    /// <summary>The exit code of a program that was ended for it.</summary>
    public const int TooMuch = 141;

    private const int LongestLine = 1024 * 1024;

    private readonly StringBuilder _line = new();
    private readonly StringBuilder _text = new();
    private long _taken;
    private bool _afterReturn;
    private bool _hasLines;

    /// <summary>Gets a value indicating whether it wrote more than it may.</summary>
    public bool IsTooMuch { get; private set; }

    /// <summary>Reads up to the end or the bound; returns the text that is kept, line ends as LF.</summary>
    public async Task<List<string>> ReadAsync(TextReader reader, Action kill)
    {
        var buffer = new char[16 * 1024];
        int count;
        while ((count = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            Add(buffer.AsSpan(0, count));
            IsTooMuch = _taken > options.MostOutput || _line.Length > LongestLine;
            if (!IsTooMuch)
                continue;
            kill();
            // What it has started may go on to write: to nobody.
            reader.Dispose();
            break;
        }

        if (_line.Length > 0)
            EndLine();
        return [_text.ToString()];
    }

    private void Add(ReadOnlySpan<char> characters)
    {
        _taken += characters.Length;
        while (!characters.IsEmpty)
        {
            if (_afterReturn && characters[0] == '\n')
                characters = characters[1..];
            _afterReturn = false;
            int end = characters.IndexOfAny('\n', '\r');
            _line.Append(end < 0 ? characters : characters[..end]);
            if (end < 0)
                return;
            _afterReturn = characters[end] == '\r';
            characters = characters[(end + 1)..];
            EndLine();
        }
    }

    private void EndLine()
    {
        string line = _line.ToString();
        _line.Clear();
        if (_hasLines)
            _text.Append('\n');
        _hasLines = true;
        _text.Append(line);
        if (_text.Length > 2L * options.KeptOutput)
            _text.Remove(0, _text.Length - options.KeptOutput);
        onLine?.Invoke(line);
    }
}
