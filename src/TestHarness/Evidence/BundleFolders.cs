using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Hosts;

namespace TestHarness.Evidence;

/// <summary>Names and makes the folders that bundles go to.</summary>
internal static partial class BundleFolders
{
    // A file's name has at most 255 bytes; the machine's name and a number follow.
    private const int MaxTestPart = 120;

    // What a run left is looked at soon or never.
    private const int RunsKept = 10;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    // In each run's folder: without it nothing is deleted.
    private const string Mark = ".testharness-run";

    private const string TimeFormat = "yyyyMMdd-HHmmss";

    private static readonly Lock Gate = new();
    private static readonly string Run =
        string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow.ToString(TimeFormat, CultureInfo.InvariantCulture)}-{Environment.ProcessId}");

    private static bool _pruned;

    public static string Make(string test, string machine)
    {
        try
        {
            PruneOnce();
            return Make(EvidenceSettings.Folder, test, machine);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A test assembly in a read-only folder: better there than nowhere.
            return Make(Path.Combine(Path.GetTempPath(), $"testharness-artifacts-{Native.EffectiveUserId()}"), test, machine);
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
            File.WriteAllBytes(Path.Combine(root, Run, Mark), []);
            return folder;
        }
    }

    /// <summary>Deletes what runs of more than a week ago left, but for the last ten.</summary>
    public static void Prune(string root, DateTime now)
    {
        if (!Directory.Exists(root))
            return;
        foreach (string run in Directory.GetDirectories(root).Where(folder => TimeOf(folder) is not null).OrderDescending(StringComparer.Ordinal).Skip(RunsKept))
        {
            if (now - TimeOf(run) > Kept && new DirectoryInfo(run).LinkTarget is null && File.Exists(Path.Combine(run, Mark)))
                TryDelete(run);
        }
    }

    // Another run may do the same just now; what can't be deleted stays.
    private static void TryDelete(string run)
    {
        try
        {
            FolderRemoval.Remove(run);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    // A folder that somebody named, for CI to upload, is theirs to clear.
    private static void PruneOnce()
    {
        lock (Gate)
        {
            if (_pruned || EnvironmentVariables.Artifacts is not null)
                return;
            _pruned = true;
            Prune(EvidenceSettings.Folder, DateTime.UtcNow);
        }
    }

    private static DateTime? TimeOf(string run) =>
        RunName().Match(Path.GetFileName(run)) is { Success: true } name
        && DateTime.TryParseExact(name.Groups[1].Value, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime time) ? time : null;

    [GeneratedRegex(@"\A([0-9]{8}-[0-9]{6})-[0-9]+\z")]
    private static partial Regex RunName();

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
