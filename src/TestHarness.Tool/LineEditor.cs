namespace TestHarness.Tool;

/// <summary>One line at a terminal, with the keys that people expect, and the lines before it by the up and down keys.</summary>
internal sealed class LineEditor(string prompt, LineHistory history)
{
    private string _text = "";
    private int _cursor;
    private int _from = history.Count;

    /// <summary>What Ctrl-C makes of a line.</summary>
    public const string Dropped = "\x03";

    /// <summary>
    /// Reads it; <see langword="null"/> after Ctrl-D on an empty line. Ctrl-C drops it, and reaches nobody else, a QEMU in the foreground
    /// least of all.
    /// </summary>
    public string? Read()
    {
        Console.TreatControlCAsInput = true;
        try
        {
            return ReadKeys();
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    private string? ReadKeys()
    {
        Draw();
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            bool isControl = key.Modifiers.HasFlag(ConsoleModifiers.Control);
            switch (key.Key)
            {
                case ConsoleKey.Enter:
                    Console.Error.WriteLine();
                    history.Add(_text);
                    return _text;
                case ConsoleKey.C when isControl:
                    Console.Error.WriteLine("^C");
                    return Dropped;
                case ConsoleKey.D when isControl && _text.Length == 0:
                    return null;
                case ConsoleKey.UpArrow or ConsoleKey.DownArrow:
                    Recall(_from + (key.Key == ConsoleKey.UpArrow ? -1 : 1));
                    break;
                case ConsoleKey.LeftArrow:
                    _cursor = Math.Max(0, _cursor - 1);
                    break;
                case ConsoleKey.RightArrow:
                    _cursor = Math.Min(_text.Length, _cursor + 1);
                    break;
                case ConsoleKey.Home or ConsoleKey.A when key.Key == ConsoleKey.Home || isControl:
                    _cursor = 0;
                    break;
                case ConsoleKey.End or ConsoleKey.E when key.Key == ConsoleKey.End || isControl:
                    _cursor = _text.Length;
                    break;
                case ConsoleKey.U when isControl:
                    (_text, _cursor) = (_text[_cursor..], 0);
                    break;
                case ConsoleKey.Backspace when _cursor > 0:
                    _text = _text.Remove(--_cursor, 1);
                    break;
                case ConsoleKey.Delete when _cursor < _text.Length:
                    _text = _text.Remove(_cursor, 1);
                    break;
                default:
                    if (!char.IsControl(key.KeyChar))
                        _text = _text.Insert(_cursor++, $"{key.KeyChar}");
                    break;
            }

            Draw();
        }
    }

    private void Recall(int index)
    {
        if (index < 0 || index > history.Count)
            return;
        _from = index;
        _text = index == history.Count ? "" : history[index];
        _cursor = _text.Length;
    }

    // In one row: of a longer line the part around the cursor is seen.
    private void Draw()
    {
        int width = Math.Max(8, (Console.BufferWidth is > 0 and var columns ? columns : 80) - prompt.Length - 1);
        int first = Math.Max(0, _cursor - width);
        string seen = _text[first..Math.Min(_text.Length, first + width)];
        string back = seen.Length - (_cursor - first) is > 0 and var steps ? $"\x1b[{steps}D" : "";
        Console.Error.Write($"\r{prompt}{seen}\x1b[K{back}");
    }
}
