using System.Text;

namespace TestHarness.Hosts;

/// <summary>Makes machine names: short, fit for a host name and for QEMU's command line.</summary>
internal static class MachineName
{
    private const int MaxNamePart = 24;

    /// <summary>Returns the last part of the name or path, cleaned, and the number.</summary>
    public static string Make(string name, int number)
    {
        var cleaned = new StringBuilder();
        foreach (char character in Path.GetFileName(Path.TrimEndingDirectorySeparator(name)))
        {
            if (char.IsAsciiLetterOrDigit(character))
                cleaned.Append(char.ToLowerInvariant(character));
            else if (cleaned.Length > 0 && cleaned[^1] != '-')
                cleaned.Append('-');
        }

        if (cleaned.Length > MaxNamePart)
            cleaned.Length = MaxNamePart;
        string word = cleaned.ToString().Trim('-');
        return $"{(word.Length > 0 ? word : "machine")}-{number}";
    }
}
