using System.Text;

namespace TestHarness.Hosts;

/// <summary>Makes machine names: short, fit for a host name and for QEMU's command line.</summary>
internal static class MachineName
{
    private const int MaxImagePart = 24;

    /// <summary>Returns the last part of the image's name or path, cleaned, and the number.</summary>
    public static string Make(string image, int number)
    {
        var name = new StringBuilder();
        foreach (char character in Path.GetFileName(Path.TrimEndingDirectorySeparator(image)))
        {
            if (char.IsAsciiLetterOrDigit(character))
                name.Append(char.ToLowerInvariant(character));
            else if (name.Length > 0 && name[^1] != '-')
                name.Append('-');
        }

        if (name.Length > MaxImagePart)
            name.Length = MaxImagePart;
        string cleaned = name.ToString().Trim('-');
        return $"{(cleaned.Length > 0 ? cleaned : "machine")}-{number}";
    }
}
