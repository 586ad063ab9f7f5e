using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>Where images are kept.</summary>
internal static class CacheFolder
{
    private const UnixFileMode Open =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Gets the folder: <c>TESTHARNESS_CACHE</c>; as root one that QEMU's unprivileged user can reach; else the user's own.</summary>
    public static string Path => System.IO.Path.GetFullPath(EnvironmentVariables.Cache
        ?? (Native.EffectiveUserId() == 0 ? "/var/cache/testharness" : System.IO.Path.Combine(UserFolder.Cache, "testharness")));

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
            throw new HostNotReadyException(
                new FailureText($"The folder for images, '{Path}', cannot be written.")
                    .Add("Reason", e.Message)
                    .Try("set TESTHARNESS_CACHE to a folder that this user can write."),
                e);
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
}
