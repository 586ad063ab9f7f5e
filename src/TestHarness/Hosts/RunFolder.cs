using System.Runtime.InteropServices;

namespace TestHarness.Hosts;

/// <summary>
/// Where running machines keep sockets, overlays and logs: <c>root/process/machine</c>. The process's folder holds a lock for as long as the process
/// lives; folders whose lock is free belong to nobody any more and are removed at the next start.
/// </summary>
internal static class RunFolder
{
    // sockaddr_un.sun_path has 108 bytes with the terminating zero (unix(7)); the longest name below a machine's folder is "serial.sock".
    private const int MaxSocketPath = 107;
    private const int LongestSocketName = 12;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly Lock Gate = new();
    private static string? _process;
    private static FileLock? _lock;
    private static int _machines;

    /// <summary>Makes a folder for one machine, owned by the user that QEMU runs as.</summary>
    /// <exception cref="HostNotReadyException">The place can't be used.</exception>
    public static string CreateForMachine()
    {
        string path = Path.Combine(ForProcess(), $"{Interlocked.Increment(ref _machines)}");
        int length = System.Text.Encoding.UTF8.GetByteCount(path) + LongestSocketName;
        if (length > MaxSocketPath)
        {
            throw new HostNotReadyException(new FailureText($"The run folder's path is too long for unix sockets: {length} of at most {MaxSocketPath} bytes.")
                .Add("Folder", path)
                .Try("set TESTHARNESS_RUN to a shorter path."));
        }

        Directory.CreateDirectory(path, Private);
        QemuUser.Give(path);
        return path;
    }

    /// <summary>The folder of this process, which the reaper removes once the process is gone.</summary>
    public static string ForProcess()
    {
        lock (Gate)
            return _process ??= CreateForProcess();
    }

    /// <summary>The folder that all processes of this user share.</summary>
    /// <exception cref="HostNotReadyException">The place can't be used.</exception>
    public static string ForUser()
    {
        string root = Root();
        CreateRoot(root);
        return root;
    }

    private static string CreateForProcess()
    {
        string root = ForUser();
        using FileLock exclusive = TakeRootLock(root);
        Sweep(root);
        string process = Path.Combine(root, $"{Environment.ProcessId}-{Random.Shared.Next(0x10000):x4}");
        Directory.CreateDirectory(process, Traversable);
        _lock = FileLock.TryTake(Path.Combine(process, "lock")) ?? throw new IOException($"'{process}' is in use already.");
        return process;
    }

    // QEMU's user must pass through where it is another one than ours.
    private static UnixFileMode Traversable => QemuUser.IsOther ? Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : Private;

    private static string Root()
    {
        if (EnvironmentVariables.Run is { } own)
            return Path.GetFullPath(own);
        // Root's own runtime folder is closed to the user that QEMU runs as.
        return EnvironmentVariables.XdgRuntimeDirectory is { } runtime && !QemuUser.IsOther
            ? Path.Combine(runtime, "testharness")
            : $"/tmp/testharness-{Native.EffectiveUserId()}";
    }

    private static void CreateRoot(string root)
    {
        try
        {
            Directory.CreateDirectory(root, Traversable);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotUsable(root, e.Message, e);
        }

        // In a folder that everybody may write to, somebody else may have been first.
        if (Native.TryGetOwner(root, out uint owner, out bool isFolder) is false || !isFolder || owner != Native.EffectiveUserId())
            throw NotUsable(root, "it is not a folder of this process's user", null);
        if ((File.GetUnixFileMode(root) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
            throw NotUsable(root, "others may write to it", null);
    }

    private static HostNotReadyException NotUsable(string root, string reason, Exception? inner) =>
        new(new FailureText($"The run folder '{root}' can't be used.")
            .Add("Reason", reason)
            .Try("set TESTHARNESS_RUN to a folder of your own that nobody else may write to."), inner);

    private static FileLock TakeRootLock(string root)
    {
        FileLock? taken;
        // Held for a moment only: to make one folder and remove dead ones.
        while ((taken = FileLock.TryTake(Path.Combine(root, "lock"))) is null)
            Thread.Sleep(5);
        return taken;
    }

    private static void Sweep(string root)
    {
        foreach (string folder in Directory.GetDirectories(root))
        {
            // The ledger belongs to all processes; its shares are locked one by one.
            if (Path.GetFileName(folder) == Ledger.FolderName)
                continue;
            using FileLock? free = FileLock.TryTake(Path.Combine(folder, "lock"));
            if (free is not null)
                Directory.Delete(folder, recursive: true);
        }
    }
}
