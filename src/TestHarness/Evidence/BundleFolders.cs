using System.Globalization;
using System.Text;

namespace TestHarness.Evidence;

/// <summary>Names and makes the folders that bundles go to.</summary>
internal static class BundleFolders
{
    // A file's name has at most 255 bytes; the machine's name and a number follow.
    private const int MaxTestPart = 120;

    private static readonly Lock Gate = new();
    private static readonly string Run =
        string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}");

    public static string Make(string test, string machine)
    {
        try
        {
            return Make(EvidenceSettings.Folder, test, machine);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A test assembly in a read-only folder: better there than nowhere.
            return Make(Path.Combine(Path.GetTempPath(), $"testharness-artifacts-{Hosts.Native.EffectiveUserId()}"), test, machine);
        }
    }

    public static string Make(string root, string test, string machine)
    {
        string name = $"{Safe(test)}.{Safe(machine)}";
        lock (Gate)
        {
            string folder = Path.Combine(root, Run, name);
            for (int number = 2; Directory.Exists(folder); number++)
                folder = Path.Combine(root, Run, string.Create(CultureInfo.InvariantCulture, $"{name}-{number}"));
            EvidenceBundle.MakeFolder(folder);
            return folder;
        }
    }

    /// <summary>Makes a name of letters, digits, dots, dashes and underscores, which any file system and CI takes.</summary>
    public static string Safe(string text)
    {
        var name = new StringBuilder();
        foreach (char character in text)
        {
            if (char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or '_')
                name.Append(character);
            else if (name.Length > 0 && name[^1] != '_')
                name.Append('_');
        }

        if (name.Length > MaxTestPart)
            name.Length = MaxTestPart;
        string cleaned = name.ToString().Trim('.', '_', '-');
        return cleaned.Length > 0 ? cleaned : "unnamed";
    }
}
