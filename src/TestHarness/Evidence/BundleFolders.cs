using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Hosts;
using TestHarness.Text;

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

    private const string ReasonFile = "why-here.txt";

    private const string TimeFormat = "yyyyMMdd-HHmmss";

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, string> Instead = new(StringComparer.Ordinal);
    private static readonly string Run = string.Create(
        CultureInfo.InvariantCulture,
        $"{Clock.System.GetUtcNow().UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}-{Environment.ProcessId}"
    );

    private static readonly HashSet<string> Named = new(StringComparer.Ordinal);

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
            return Make(TemporaryRoot(Path.GetTempPath()), test, machine);
        }
    }

    /// <summary>
    /// Returns the folder that stands in for the usual one; where somebody else has been at its place first, a new one, with the reason in
    /// a file.
    /// </summary>
    public static string TemporaryRoot(string temporary)
    {
        string usual = Path.Combine(temporary, $"testharness-artifacts-{Native.EffectiveUserId()}");
        lock (Gate)
        {
            if (Instead.TryGetValue(usual, out string? chosen))
                return chosen;
            if (FindFault(usual) is not { } fault)
                return usual;
            string instead = $"{usual}-{Guid.NewGuid():N}";
            if (FindFault(instead) is { } other)
                throw new IOException($"'{usual}' can't be used: {fault}. Nor can '{instead}': {other}.");
            File.WriteAllText(Path.Combine(instead, ReasonFile), $"The evidence is here, because '{usual}' can't be used: {fault}.\n");
            return Instead[usual] = instead;
        }
    }

    public static string Make(string root, string test, string machine)
    {
        string folder = Name(root, test, machine);
        EvidenceBundle.MakeFolder(folder);
        MarkRun(folder);
        return folder;
    }

    /// <summary>Marks the run of a folder that was named here and is made now as one that may be deleted one day.</summary>
    public static void MarkRun(string folder)
    {
        lock (Gate)
        {
            if (Named.Contains(folder))
                File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(folder)!, Mark), []);
        }
    }

    /// <summary>Names a folder that nobody else has or will be given.</summary>
    public static string Name(string root, string test, string machine)
    {
        string name = $"{Safe(test)}.{Safe(machine)}";
        lock (Gate)
        {
            string folder = Path.Combine(root, Run, name);
            for (int number = 2; Directory.Exists(folder) || !Named.Add(folder); number++)
                folder = Path.Combine(root, Run, string.Create(CultureInfo.InvariantCulture, $"{name}-{number}"));
            return folder;
        }
    }

    private static string? FindFault(string folder)
    {
        try
        {
            EvidenceBundle.MakeFolder(folder);
            return OwnFolder.FindFault(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>Deletes what runs of more than a week ago left, but for the last ten.</summary>
    public static void Prune(string root, DateTime now)
    {
        if (!Directory.Exists(root))
            return;
        foreach (
            string run in Directory
                .GetDirectories(root)
                .Where(folder => TimeOf(folder) is not null)
                .OrderDescending(StringComparer.Ordinal)
                .Skip(RunsKept)
        )
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
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    // A folder that somebody named, for CI to upload, is theirs to clear.
    private static void PruneOnce()
    {
        lock (Gate)
        {
            if (_pruned || EnvironmentVariables.Artifacts is not null)
                return;
            _pruned = true;
            Prune(EvidenceSettings.Folder, Clock.System.GetUtcNow().UtcDateTime);
        }
    }

    private static DateTime? TimeOf(string run) =>
        RunName().Match(Path.GetFileName(run)) is { Success: true } name
        && DateTime.TryParseExact(
            name.Groups[1].Value,
            TimeFormat,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out DateTime time
        )
            ? time
            : null;

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
