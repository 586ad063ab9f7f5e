using System.Globalization;
using System.Text;
using DiffPlex;
using DiffPlex.Model;

namespace TestHarness.Goldens;

/// <summary>How a text differs from its golden, line by line.</summary>
internal sealed class TextDifference
{
    private const int Context = 3;

    // The comparison's time grows with the square of what differs.
    private const int MostCompared = 20_000;

    private readonly List<(char Kind, int Number, string Text)> _lines = [];

    private TextDifference(string file) => File = file;

    public string File { get; }

    /// <summary>How many lines are missing or new.</summary>
    public int Count => _lines.Count(line => line.Kind != ' ');

    public string Words
    {
        get
        {
            int missing = _lines.Count(line => line.Kind == '-');
            int added = _lines.Count(line => line.Kind == '+');
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{missing} {Lines(missing)} missing, {added} {Lines(added)} new; the first is line "
                    + $"{_lines.First(line => line.Kind != ' ').Number}"
            );
        }
    }

    public static TextDifference Of(string file, string expected, string received)
    {
        string[] old = expected.TrimEnd('\n').Split('\n');
        string[] now = received.TrimEnd('\n').Split('\n');
        int head = old.AsSpan().CommonPrefixLength(now);
        int tail = 0;
        while (tail < Math.Min(old.Length, now.Length) - head && old[^(tail + 1)] == now[^(tail + 1)])
            tail++;
        var difference = new TextDifference(file);
        difference.AddEqual(old.AsSpan(Math.Max(0, head - Context)..head), head);
        difference.AddMiddle(old[head..^tail], now[head..^tail], head);
        difference.AddEqual(
            now.AsSpan((now.Length - tail)..Math.Min(now.Length, now.Length - tail + Context)),
            now.Length - tail + Math.Min(tail, Context)
        );
        return difference;
    }

    /// <summary>
    /// Shows the different lines with a few around them: <c>-</c> and the number in the golden, <c>+</c> and the number in what was
    /// received.
    /// </summary>
    public string Show(int most)
    {
        var text = new StringBuilder();
        int shown = 0;
        int last = -1;
        for (int i = 0; i < _lines.Count; i++)
        {
            if (!IsNearDifference(i))
                continue;
            if (shown++ == most)
            {
                text.Append(CultureInfo.InvariantCulture, $"[… {_lines.Count - i} more lines …]\n");
                break;
            }

            if (last >= 0 && i > last + 1)
                text.Append("   ⋮\n");
            last = i;
            text.Append(CultureInfo.InvariantCulture, $"{_lines[i].Kind}{_lines[i].Number, 5}  {_lines[i].Text}\n");
        }

        return text.ToString();
    }

    private static string Lines(int count) => count == 1 ? "line" : "lines";

    private bool IsNearDifference(int index)
    {
        for (int i = Math.Max(0, index - Context); i <= Math.Min(_lines.Count - 1, index + Context); i++)
        {
            if (_lines[i].Kind != ' ')
                return true;
        }

        return false;
    }

    // The last of the lines has this number.
    private void AddEqual(ReadOnlySpan<string> lines, int lastNumber)
    {
        for (int i = 0; i < lines.Length; i++)
            _lines.Add((' ', lastNumber - lines.Length + 1 + i, lines[i]));
    }

    private void AddMiddle(string[] old, string[] now, int before)
    {
        (int oldNumber, int newNumber) = (before, before);
        if (old.Length == 0 || now.Length == 0 || Math.Max(old.Length, now.Length) > MostCompared)
        {
            _lines.AddRange(old.Select(line => ('-', ++oldNumber, line)));
            _lines.AddRange(now.Select(line => ('+', ++newNumber, line)));
            return;
        }

        int done = 0;
        DiffResult result = new Differ().CreateLineDiffs(string.Join('\n', old), string.Join('\n', now), ignoreWhitespace: false);
        foreach (DiffBlock block in result.DiffBlocks)
        {
            AddEqual(old.AsSpan(done..block.DeleteStartA), newNumber += block.DeleteStartA - done);
            _lines.AddRange(
                old[block.DeleteStartA..(block.DeleteStartA + block.DeleteCountA)]
                    .Select((line, index) => ('-', before + block.DeleteStartA + index + 1, line))
            );
            for (int i = 0; i < block.InsertCountB; i++)
                _lines.Add(('+', ++newNumber, now[block.InsertStartB + i]));
            done = block.DeleteStartA + block.DeleteCountA;
        }

        AddEqual(old.AsSpan(done..), newNumber + old.Length - done);
    }
}
