namespace TestHarness.Tool;

/// <summary>The lines that were typed before, the last one first asked for; kept in a file.</summary>
internal sealed class LineHistory
{
    private const int Kept = 500;

    private readonly string _file;
    private readonly List<string> _lines;

    public LineHistory(string file)
    {
        _file = file;
        _lines = File.Exists(file) ? [.. File.ReadLines(file).TakeLast(Kept)] : [];
    }

    public int Count => _lines.Count;

    public string this[int index] => _lines[index];

    /// <summary>Keeps a line, unless it is empty or the last one again.</summary>
    public void Add(string line)
    {
        if (string.IsNullOrWhiteSpace(line) || (_lines.Count > 0 && _lines[^1] == line))
            return;
        _lines.Add(line);
        Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
        File.WriteAllLines(_file, _lines.TakeLast(Kept));
    }
}
