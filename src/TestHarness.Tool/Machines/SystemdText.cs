namespace TestHarness.Tool.Machines;

/// <summary>
/// Values as a systemd unit takes them: quoted, with what it would replace doubled (systemd.syntax(7), systemd.service(5)).
/// </summary>
internal static class SystemdText
{
    public static string Environment(string name, string value) => $"Environment={Quoted($"{name}={value}")}";

    /// <summary>The path of a program, in which no variables are replaced.</summary>
    public static string Program(string path) => Quoted(path);

    public static string Argument(string word) => Quoted(word.Replace("$", "$$", StringComparison.Ordinal));

    private static string Quoted(string text)
    {
        string escaped = text.Replace("\\", @"\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", @"\n", StringComparison.Ordinal)
            .Replace("%", "%%", StringComparison.Ordinal);
        return $"\"{escaped}\"";
    }
}
