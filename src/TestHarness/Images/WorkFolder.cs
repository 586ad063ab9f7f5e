using System.Globalization;
using System.Text.RegularExpressions;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// A folder for files that are not finished, on the same file system as the store, so that a rename finishes them. It holds a lock for as
/// long as it is in use; one whose lock is free was left by a process that was killed, and the next one removes it.
/// </summary>
internal sealed partial class WorkFolder : IDisposable
{
    private readonly FileLock _lock;

    private WorkFolder(string path, FileLock taken) => (Path, _lock) = (path, taken);

    public string Path { get; }

    private string LockFile => $"{Path}.lock";

    /// <summary>Makes a folder below a root, and removes the ones there that killed processes left.</summary>
    public static WorkFolder Create(string root, IProgress<StartProgress>? progress)
    {
        CacheFolder.Create(root);
        Sweep(root, progress);
        while (true)
        {
            string path = System.IO.Path.Combine(root, $"{Guid.NewGuid():N}");
            // Another one may take it for a leftover between its making and its locking.
            if (TryTake($"{path}.lock") is not { } taken)
                continue;
            if (!File.Exists($"{path}.lock"))
            {
                taken.Dispose();
                continue;
            }

            CacheFolder.Create(path);
            return new WorkFolder(path, taken);
        }
    }

    /// <summary>Removes what killed processes left below a root, and says so.</summary>
    public static void Sweep(string root, IProgress<StartProgress>? progress)
    {
        foreach (string file in Directory.Exists(root) ? Directory.GetFiles(root, "*.lock") : [])
        {
            // Another user's is that user's to remove. Cut short while it was made, a lock is empty.
            if (
                !LockName().IsMatch(System.IO.Path.GetFileName(file))
                || !Native.May(file, write: true)
                || !(FileLock.IsMarked(file) || new FileInfo(file) is { LinkTarget: null, Length: 0 })
            )
            {
                continue;
            }

            using FileLock? free = FileLock.TryTake(file);
            if (free is null)
                continue;
            string left = System.IO.Path.ChangeExtension(file, null);
            if (Directory.Exists(left))
            {
                long size = new DirectoryInfo(left).EnumerateFiles("*", SearchOption.AllDirectories).Sum(one => one.Length);
                FolderRemoval.Remove(left);
                progress?.Report(
                    new StartProgress(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"removed what a process that was killed had left: {left} ({size / (1024 * 1024)} MiB)"
                        )
                    )
                );
            }

            File.Delete(file);
        }
    }

    private static FileLock? TryTake(string path)
    {
        try
        {
            return FileLock.TryTake(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CacheFolder.NotWritable(e);
        }
    }

    public void Dispose()
    {
        FolderRemoval.Remove(Path);
        File.Delete(LockFile);
        _lock.Dispose();
    }

    [GeneratedRegex(@"\A[0-9a-f]{32}\.lock\z")]
    private static partial Regex LockName();
}
