using System.Globalization;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Templates;

/// <summary>
/// Keeps the templates within their limits. Whenever one was made, these go, the longest unused first and never one that a machine was
/// restored from and that still runs: templates unused for 14 days; of those that nobody has used again since they were made, all but the
/// newest four; and what is above the room (<c>TESTHARNESS_TEMPLATES_MIB</c>, 10 GiB).
/// </summary>
internal static class TemplateEviction
{
    private const int UnprovenKept = 4;
    private const long DefaultRoom = 10L * 1024 * 1024 * 1024;

    private static readonly TimeSpan Unused = TimeSpan.FromDays(14);

    public static void Run(string templates, string keep)
    {
        Candidate[] oldestFirst =
        [
            .. Directory
                .GetDirectories(templates)
                .Where(folder => folder != keep && TemplateDescription.IsIn(folder))
                .Select(Candidate.Read)
                .OrderBy(candidate => candidate.LastUse),
        ];
        long bytes = oldestFirst.Sum(candidate => candidate.Bytes);
        int unproven = oldestFirst.Count(candidate => !candidate.Proven);
        foreach (Candidate candidate in oldestFirst)
        {
            bool tooOld = Clock.System.GetUtcNow().UtcDateTime - candidate.LastUse > Unused;
            bool littering = !candidate.Proven && unproven > UnprovenKept;
            if (!(tooOld || littering || bytes > Room()) || !TryRemove(candidate.Folder))
                continue;
            bytes -= candidate.Bytes;
            unproven -= candidate.Proven ? 0 : 1;
        }
    }

    private static long Room() =>
        EnvironmentVariables.TemplatesMiB is { } text
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long mebibytes)
            ? mebibytes * 1024 * 1024
            : DefaultRoom;

    /// <summary>Removes a template, unless a machine runs on it, somebody makes it, or it is not this user's to remove.</summary>
    /// <remarks>By unlink, so that a machine that has the files open keeps them; but one that runs may need them again for a
    /// reboot.</remarks>
    public static bool TryRemove(string folder)
    {
        if (!TemplateDescription.IsIn(folder))
            return false;
        try
        {
            using FileLock? maker = FileLock.TryTake($"{folder}.lock");
            using FileLock? alone = maker is null ? null : FileLock.TryTake(Path.Combine(folder, TemplateFiles.InUse));
            if (alone is null)
                return false;
            File.Delete(Path.Combine(folder, TemplateFiles.Description));
            FolderRemoval.Remove(folder);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private sealed record Candidate(string Folder, DateTime LastUse, bool Proven, long Bytes)
    {
        public static Candidate Read(string folder) =>
            new(
                folder,
                File.GetLastWriteTimeUtc(Path.Combine(folder, TemplateFiles.InUse)),
                File.Exists(Path.Combine(folder, TemplateFiles.Proven)),
                Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Sum(Native.AllocatedBytes)
            );
    }
}
