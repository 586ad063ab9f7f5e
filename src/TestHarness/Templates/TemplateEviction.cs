using System.Globalization;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Templates;

/// <summary>
/// Keeps the templates within their limits. Whenever one was made, these go, the longest unused first and never one that a machine was
/// restored from and that still runs: templates unused for 14 days; of those that have booted and that nobody has used again since they
/// were made, all but the newest four; and what is above the room (<c>TESTHARNESS_TEMPLATES_MIB</c>, 10 GiB). A template that a layer
/// lies on stays as long as the layer; where room is needed its memory goes first, which only a next layer on it would need. What was
/// kept for heirs goes with the last of them, and here where that was killed. Saved machines stay, and take none of the room.
/// </summary>
internal static class TemplateEviction
{
    private const int UnprovenKept = 4;
    private const long DefaultRoom = 10L * 1024 * 1024 * 1024;

    private static readonly TimeSpan Unused = TimeSpan.FromDays(14);

    // The heirs of a fork hold it from the moment that it is made.
    private static readonly TimeSpan UnusedFork = TimeSpan.FromMinutes(1);

    /// <summary>Removes what is above the limits.</summary>
    /// <param name="templates">The folder of all templates.</param>
    /// <param name="keep">The folder of one that stays: it was just made.</param>
    /// <param name="room">How many bytes they may take together. Default: what the environment says.</param>
    public static void Run(string templates, string keep, long? room = null)
    {
        long most = room ?? Room();
        List<Candidate> oldestFirst =
        [
            .. Directory
                .GetDirectories(templates)
                .Where(TemplateDescription.IsIn)
                .Select(Candidate.Read)
                .Where(candidate => !candidate.IsSaved)
                .OrderBy(candidate => candidate.LastUse),
        ];
        long bytes = oldestFirst.Sum(candidate => candidate.Bytes);
        foreach (Candidate middle in oldestFirst.Where(one => oldestFirst.Exists(other => other.Below == one.Key)))
        {
            if (bytes > most && TryRemoveMemory(middle.Folder))
                bytes -= middle.MemoryBytes;
        }

        // What a layer that has gone lay on may be the next to go.
        while (RemoveTops(oldestFirst, keep, most, ref bytes)) { }
    }

    private static bool RemoveTops(List<Candidate> oldestFirst, string keep, long most, ref long bytes)
    {
        Candidate[] tops = [.. oldestFirst.Where(one => one.Folder != keep && !oldestFirst.Exists(other => other.Below == one.Key))];
        // A layer is not so soon made again; the room bounds them.
        int unproven = tops.Count(candidate => candidate.IsLitter);
        bool removed = false;
        foreach (Candidate candidate in tops)
        {
            bool tooOld = Clock.System.GetUtcNow().UtcDateTime - candidate.LastUse > (candidate.IsFork ? UnusedFork : Unused);
            bool littering = candidate.IsLitter && unproven > UnprovenKept;
            if (!(tooOld || littering || bytes > most) || !TryRemove(candidate.Folder))
                continue;
            bytes -= candidate.Bytes;
            unproven -= candidate.IsLitter ? 1 : 0;
            oldestFirst.Remove(candidate);
            removed = true;
        }

        return removed;
    }

    /// <summary>Removes the layers that lie on a template, and those on them. False where one of them stays.</summary>
    public static bool TryRemoveAbove(string folder) =>
        Directory
            .GetDirectories(Path.GetDirectoryName(folder)!)
            .Where(other => TemplateDescription.TryRead(other)?.Layer?.Below.Key == Path.GetFileName(folder))
            .All(other => TryRemoveAbove(other) && TryRemove(other));

    private static long Room() =>
        EnvironmentVariables.TemplatesMiB is { } text
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long mebibytes)
            ? mebibytes * 1024 * 1024
            : DefaultRoom;

    /// <summary>Removes a template, unless a machine runs on it, somebody makes it, or it is not this user's to remove.</summary>
    /// <remarks>By unlink, so that a machine that has the files open keeps them; but one that runs may need them again for a
    /// reboot.</remarks>
    public static bool TryRemove(string folder) => TryAsMaker(folder, () => TryRemoveHeld(folder));

    /// <summary>Removes a template as <see cref="TryRemove"/> does, for who holds the lock of those that make it.</summary>
    public static bool TryRemoveHeld(string folder) => TryAlone(folder, () =>
        {
            File.Delete(Path.Combine(folder, TemplateFiles.Description));
            FolderRemoval.Remove(folder);
        });

    /// <summary>Tells whether a machine runs on a template.</summary>
    public static bool IsInUse(string folder) => TemplateDescription.IsIn(folder) && !TryAlone(folder, () => { });

    private static bool TryRemoveMemory(string folder) =>
        TryAsMaker(folder, () => TryAlone(folder, () => File.Delete(Path.Combine(folder, TemplateFiles.Memory))));

    private static bool TryAsMaker(string folder, Func<bool> act)
    {
        try
        {
            using FileLock? maker = TemplateDescription.IsIn(folder) ? FileLock.TryTake($"{folder}.lock") : null;
            return maker is not null && act();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool TryAlone(string folder, Action remove)
    {
        if (!TemplateDescription.IsIn(folder))
            return false;
        try
        {
            using FileLock? alone = FileLock.TryTake(Path.Combine(folder, TemplateFiles.InUse));
            if (alone is null)
                return false;
            remove();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private sealed record Candidate(string Folder, string? Below, DateTime LastUse, bool Proven, long Bytes)
    {
        public string Key => Path.GetFileName(Folder);

        public bool IsLitter => !Proven && Below is null;

        public bool IsSaved { get; } = TemplateDescription.TryRead(Folder) is { Saved: not null };

        public bool IsFork { get; } = TemplateDescription.TryRead(Folder) is { IsFork: true };

        public long MemoryBytes { get; } = Native.AllocatedBytes(Path.Combine(Folder, TemplateFiles.Memory));

        public static Candidate Read(string folder) =>
            new(
                folder,
                TemplateDescription.TryRead(folder)?.Layer?.Below.Key,
                File.GetLastWriteTimeUtc(Path.Combine(folder, TemplateFiles.InUse)),
                File.Exists(Path.Combine(folder, TemplateFiles.Proven)),
                Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Sum(Native.AllocatedBytes)
            );
    }
}
