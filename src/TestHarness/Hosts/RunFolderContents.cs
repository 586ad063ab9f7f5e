using System.Text.RegularExpressions;

namespace TestHarness.Hosts;

/// <summary>
/// Tells what in a run folder is the library's: by the shape of its name, and what is to be removed by the mark in its lock, too.
/// </summary>
internal static partial class RunFolderContents
{
    public const string LockName = "lock";

    /// <summary>The file of what was proved of accelerators.</summary>
    public const string Proofs = "accelerators";

    public const string ProofsLock = "accelerators.lock";

    private const int MostNamed = 3;

    private static readonly string[] Known = [LockName, Proofs, $"{Proofs}.new", ProofsLock];

    /// <summary>Names what in the folder is not the library's, or returns <see langword="null"/> where all is.</summary>
    public static string? FindForeign(string root)
    {
        string[] foreign =
        [
            .. new DirectoryInfo(root)
                .EnumerateFileSystemInfos()
                .Where(entry => !IsOurs(entry))
                .Select(entry => entry.Name)
                .Order(StringComparer.Ordinal),
        ];
        return foreign.Length == 0
            ? null
            : string.Join(", ", foreign.Take(MostNamed).Select(name => $"'{name}'"))
                + (foreign.Length > MostNamed ? $" and {foreign.Length - MostNamed} more" : "");
    }

    /// <summary>Tells whether a folder in a run folder was made for a process; the lock tells whether it still belongs to one.</summary>
    public static bool IsOfProcess(string folder)
    {
        if (!ProcessFolder().IsMatch(Path.GetFileName(folder)) || new DirectoryInfo(folder).LinkTarget is not null)
            return false;
        string taken = Path.Combine(folder, LockName);
        // Killed before it had written who it is: there can be nothing else.
        return FileLock.IsMarked(taken)
            || Directory
                .EnumerateFileSystemEntries(folder)
                .All(entry => entry == taken && new FileInfo(entry) is { LinkTarget: null, Length: 0 });
    }

    private static bool IsOurs(FileSystemInfo entry)
    {
        // A file system's own folder, where the run folder is its root.
        if (entry is DirectoryInfo)
        {
            return entry.LinkTarget is null
                && entry.Name switch
                {
                    "lost+found" => true,
                    // A person may keep a ledger, too.
                    Ledger.FolderName => Directory
                        .EnumerateFileSystemEntries(entry.FullName)
                        .All(file => LedgerEntry().IsMatch(Path.GetFileName(file))),
                    _ => ProcessFolder().IsMatch(entry.Name),
                };
        }

        return Known.Contains(entry.Name, StringComparer.Ordinal)
            ? entry.LinkTarget is null
            : MachineSocket().IsMatch(entry.Name) && !Native.IsOrdinaryFile(entry.FullName);
    }

    [GeneratedRegex(@"\A[0-9]+-[0-9a-f]{4}\z")]
    private static partial Regex ProcessFolder();

    [GeneratedRegex(@"\A(lock|[0-9]+-[0-9a-f-]+\.(taken|waiting))\z")]
    private static partial Regex LedgerEntry();

    // Of the tool: a machine's name, and a sum of where its data are.
    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9-]*\.[0-9a-f]{8}\z")]
    private static partial Regex MachineSocket();
}
