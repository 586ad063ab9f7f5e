using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>
/// Checks that the user that QEMU runs as gets to a file or a folder, so that the error is ours, with what helps, and not a bare
/// "Permission denied". Where QEMU runs as this process's user, there is nothing to check.
/// </summary>
internal static class QemuReach
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Checks that it can read a file.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="HostNotReadyException">A folder on the way or the file itself is closed to others.</exception>
    public static void RequireReadable(string file)
    {
        if (!QemuUser.IsOther)
            return;
        if (FindClosedFolder(file) is { } closed)
            throw Closed("read", file, closed, "a+x", "keep the file elsewhere (images: TESTHARNESS_CACHE)");
        if (!File.GetUnixFileMode(file).HasFlag(UnixFileMode.OtherRead))
            throw Closed("read", file, file, "a+r", "keep the file elsewhere (images: TESTHARNESS_CACHE)");
    }

    /// <summary>Checks that it gets to a folder that is made for it, or will be.</summary>
    /// <param name="folder">The folder; whether it is open itself is its maker's business.</param>
    /// <param name="setting">What names another one.</param>
    /// <exception cref="HostNotReadyException">A folder on the way is closed to others.</exception>
    public static void RequireWayTo(string folder, string setting)
    {
        if (QemuUser.IsOther && FindClosedFolder(folder) is { } closed)
            throw Closed("reach", folder, closed, "a+x", $"name a folder elsewhere ({setting})");
    }

    /// <summary>
    /// Returns a folder on the way to a path through which others can't pass, also where links lead, or <see langword="null"/>.
    /// </summary>
    public static string? FindClosedFolder(string path)
    {
        string real = Real(Path.TrimEndingDirectorySeparator(path));
        for (string? folder = Path.GetDirectoryName(real); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Directory.Exists(folder) && !File.GetUnixFileMode(folder).HasFlag(UnixFileMode.OtherExecute))
                return folder;
        }

        return null;
    }

    /// <summary>Makes a folder and those above it that are not there; QEMU's user passes through them, whatever the umask.</summary>
    public static void CreateFolder(string folder)
    {
        if (Directory.Exists(folder))
            return;
        if (Path.GetDirectoryName(folder) is { } parent)
            CreateFolder(parent);
        Directory.CreateDirectory(folder, Private);
        if (QemuUser.IsOther)
            File.SetUnixFileMode(folder, Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    // What is not there yet lies where the nearest folder that is there really is.
    private static string Real(string path) =>
        Native.RealPath(path) ?? (Path.GetDirectoryName(path) is { } parent ? Path.Combine(Real(parent), Path.GetFileName(path)) : path);

    private static HostNotReadyException Closed(string does, string path, string where, string mode, string instead) =>
        new(
            new FailureText($"QEMU can't {does} '{path}'.")
                .Add("Reason", $"this process is root, so QEMU runs as an unprivileged user, to which '{where}' is closed")
                .Try($"chmod {mode} '{where}', or {instead}.")
        );
}
