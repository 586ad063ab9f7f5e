using System.Text.RegularExpressions;

namespace TestHarness.Text;

/// <summary>Quotes arguments for a POSIX shell, for command lines that people copy.</summary>
internal static partial class ShellQuote
{
    public static string Join(IEnumerable<string> arguments) => string.Join(' ', arguments.Select(Quote));

    public static string Quote(string argument) =>
        Plain().IsMatch(argument) ? argument : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"\A[A-Za-z0-9_@%+=:,./-]+\z")]
    private static partial Regex Plain();
}
