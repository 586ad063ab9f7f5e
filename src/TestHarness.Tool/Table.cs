namespace TestHarness.Tool;

/// <summary>Columns as wide as they need to be; results go to standard output.</summary>
internal static class Table
{
    public static void Write(IReadOnlyList<string> titles, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<IReadOnlyList<string>> lines = [titles, .. rows];
        int[] widths = [.. Enumerable.Range(0, titles.Count).Select(column => lines.Max(line => line[column].Length))];
        foreach (IReadOnlyList<string> line in lines)
            Console.Out.WriteLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    /// <summary>Says how long ago something was, in its largest unit.</summary>
    public static string Age(TimeSpan age) =>
        age switch
        {
            { TotalDays: >= 1 } => $"{(int)age.TotalDays} d",
            { TotalHours: >= 1 } => $"{(int)age.TotalHours} h",
            { TotalMinutes: >= 1 } => $"{(int)age.TotalMinutes} min",
            _ => $"{Math.Max(0, (int)age.TotalSeconds)} s",
        };
}
