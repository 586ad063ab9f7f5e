using System.Globalization;
using System.Text;

namespace TestHarness.Text;

/// <summary>
/// What a terminal would have been left with, line by line: escape sequences and control characters removed, and what a carriage return, a
/// backspace or a movement within the line makes programs write over is written over. Lines are not moved between. Pure.
/// </summary>
internal sealed class TerminalText
{
    // A guest must not fill the host's memory with one movement.
    private const int LongestMove = 1000;

    private readonly StringBuilder _text = new();
    private readonly List<Rune> _line = [];
    private readonly Rune[] _from;
    private int _next;
    private int _column;

    private TerminalText(string from) => _from = [.. from.EnumerateRunes()];

    public static string Of(string text) => new TerminalText(text).Render();

    private string Render()
    {
        while (_next < _from.Length)
        {
            Rune rune = _from[_next++];
            switch (rune.Value)
            {
                case '\n':
                    EndLine();
                    _text.Append('\n');
                    break;
                case '\r':
                    _column = 0;
                    break;
                case '\b':
                    _column = Math.Max(0, _column - 1);
                    break;
                case '\e':
                    Escape();
                    break;
                default:
                    if (rune.Value == '\t' || !Rune.IsControl(rune))
                        Put(rune);
                    break;
            }
        }

        EndLine();
        return _text.ToString();
    }

    private void EndLine()
    {
        foreach (Rune rune in _line)
            _text.Append(rune.ToString());
        _line.Clear();
        _column = 0;
    }

    private void Put(Rune rune)
    {
        while (_line.Count < _column)
            _line.Add(new Rune(' '));
        if (_column < _line.Count)
            _line[_column] = rune;
        else
            _line.Add(rune);
        _column++;
    }

    // ECMA-48: a control sequence, a string that BEL or ST ends, or one or two characters.
    private void Escape()
    {
        if (_next == _from.Length)
            return;
        int kind = _from[_next].Value;
        if (kind is '\n' or '\e')
            return;
        _next++;
        if (kind == '[')
            ControlSequence();
        else if (kind is ']' or 'P' or 'X' or '^' or '_')
            SkipString();
        else if (kind is >= 0x20 and <= 0x2f && _next < _from.Length && _from[_next].Value != '\n')
            _next++;
    }

    private void ControlSequence()
    {
        int first = _next;
        while (_next < _from.Length && _from[_next].Value is >= 0x20 and <= 0x3f)
            _next++;
        // Cut off, or no control sequence after all.
        if (_next == _from.Length || _from[_next].Value is < 0x40 or > 0x7e)
            return;
        string parameters = string.Concat(_from[first.._next]);
        int number = int.TryParse(parameters, NumberStyles.None, CultureInfo.InvariantCulture, out int given)
            ? Math.Min(given, LongestMove)
            : 0;
        switch (_from[_next++].Value)
        {
            case 'C':
                _column = Math.Min(_column + Math.Max(1, number), Math.Max(_line.Count, LongestMove));
                break;
            case 'D':
                _column = Math.Max(0, _column - Math.Max(1, number));
                break;
            case 'G':
                _column = Math.Max(0, number - 1);
                break;
            case 'K':
                EraseInLine(number);
                break;
        }
    }

    private void EraseInLine(int part)
    {
        for (int i = 0; part != 0 && i < Math.Min(_column + 1, _line.Count); i++)
            _line[i] = new Rune(' ');
        if (part != 1 && _column < _line.Count)
            _line.RemoveRange(_column, _line.Count - _column);
        if (part == 2)
            _line.RemoveAll(static _ => true);
    }

    // A line's end, too: a guest that forgets the end of its title does not lose the rest of the log.
    private void SkipString()
    {
        while (_next < _from.Length && _from[_next].Value is not ('\a' or '\n'))
        {
            if (_from[_next].Value == '\e' && _next + 1 < _from.Length && _from[_next + 1].Value == '\\')
            {
                _next += 2;
                return;
            }

            _next++;
        }

        if (_next < _from.Length && _from[_next].Value == '\a')
            _next++;
    }
}
