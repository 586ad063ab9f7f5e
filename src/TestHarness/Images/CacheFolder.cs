using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>Where images are kept.</summary>
internal static class CacheFolder
{
    private const UnixFileMode Open =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    /// <summary>
    /// Gets the folder: <c>TESTHARNESS_CACHE</c>; as root one that QEMU's unprivileged user can reach; else the user's own.
    /// </summary>
    public static string Path =>
        System.IO.Path.GetFullPath(
            EnvironmentVariables.Cache
                ?? (Native.EffectiveUserId() == 0 ? "/var/cache/testharness" : System.IO.Path.Combine(UserFolder.Cache, "testharness"))
        );

    public static string Templates => System.IO.Path.Combine(Path, "templates");

    public static string Images => System.IO.Path.Combine(Path, "images");

    /// <summary>Makes a folder and those above it; the ones that it makes can be read by everybody, whatever the umask.</summary>
    /// <exception cref="HostNotReadyException">That is not allowed here.</exception>
    public static void Create(string folder)
    {
        try
        {
            CreateOpen(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(e);
        }
    }

    private static void CreateOpen(string folder)
    {
        if (Directory.Exists(folder))
            return;
        if (System.IO.Path.GetDirectoryName(folder) is { } parent)
            CreateOpen(parent);
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, Open);
    }

    /// <summary>Takes a lock in the cache, waiting for as long as it takes.</summary>
    /// <exception cref="HostNotReadyException">This user may not write there.</exception>
    public static async Task<FileLock> LockAsync(string path, Action<string>? onWait, CancellationToken cancellationToken)
    {
        try
        {
            return await FileLock.TakeAsync(path, onWait, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(e);
        }
    }

    /// <summary>
    /// Returns why this user can't put anything into a folder of the cache, or <see langword="null"/>: it may be another user's, or on a
    /// medium that is only read.
    /// </summary>
    public static string? FindObstacle(string folder)
    {
        string there = folder;
        while (!Directory.Exists(there))
            there = System.IO.Path.GetDirectoryName(there)!;
        return Native.May(there, write: true)
            ? null
            : $"this user may not write to '{there}' (set TESTHARNESS_CACHE to a folder of your own)";
    }

    /// <summary>Makes the failure of a cache that is full, read-only or another user's.</summary>
    public static HostNotReadyException NotWritable(Exception reason) =>
        new(
            new FailureText($"The folder for images, '{Path}', cannot be written.")
                .Add("Reason", reason.Message)
                .Try(
                    "set TESTHARNESS_CACHE to a folder that this user can write; or have the owner of this one make there what is "
                        + "missing: testvm image build, testvm image pull."
                ),
            reason
        );
}
