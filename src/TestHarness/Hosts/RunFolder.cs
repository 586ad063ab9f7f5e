using System.Text;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// Where running machines keep sockets, overlays and logs: <c>root/process/machine</c>, and in that the folder <c>q</c> of the user that
/// QEMU runs as. The process's folder holds a lock for as long as the process lives; folders whose lock is free belong to nobody any more
/// and are removed at the next start. Nothing else is ever removed, and a root that has other things in it is refused.
/// </summary>
internal static class RunFolder
{
    // sockaddr_un.sun_path has 108 bytes with the terminating zero (unix(7)).
    private const int MaxSocketPath = 107;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // The root's lock is held for a moment only: to make one folder and remove dead ones.
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(10);

    private static readonly Lock Gate = new();
    private static string? _process;
    private static FileLock? _lock;
    private static int _machines;

    /// <summary>
    /// Makes a folder for one machine, which QEMU runs in. It is ours until it is handed over (<see cref="QemuUser.HandOver"/>).
    /// </summary>
    /// <exception cref="HostNotReadyException">The place can't be used.</exception>
    public static string CreateForMachine()
    {
        string own = Path.Combine(ForProcess(), $"{Interlocked.Increment(ref _machines)}"),
            path = Path.Combine(own, MachineFileNames.QemuFolder);
        RequireSockets(own, MachineFileNames.Sockets);
        return Guard(own, () =>
        {
            Directory.CreateDirectory(own, Private);
            // Whatever the umask.
            File.SetUnixFileMode(own, Traversable);
            Directory.CreateDirectory(path, Private);
            return path;
        });
    }

    /// <summary>Checks that unix sockets in a folder have paths that the kernel takes.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="sockets">Their names in it.</param>
    /// <exception cref="HostNotReadyException">The longest is too long.</exception>
    public static void RequireSockets(string folder, IEnumerable<string> sockets)
    {
        string longest = Path.Combine(folder, sockets.MaxBy(name => name.Length)!);
        int length = Encoding.UTF8.GetByteCount(longest);
        if (length <= MaxSocketPath)
            return;
        throw new HostNotReadyException(
            new FailureText($"The run folder's path is too long for unix sockets: {length} of at most {MaxSocketPath} bytes.")
                .Add("Folder", folder)
                .Add("Longest", longest)
                .Try($"set TESTHARNESS_RUN to a path that is {length - MaxSocketPath} bytes shorter.")
        );
    }

    /// <summary>The folder above a machine's, which stays ours: for keys, transfers, and all else that QEMU has no business with.</summary>
    public static string OwnFolderOf(string machineFolder) => Path.GetDirectoryName(machineFolder)!;

    /// <summary>Removes a machine's folder, and the one above that stays ours.</summary>
    public static void Remove(string machineFolder) => FolderRemoval.Remove(OwnFolderOf(machineFolder));

    /// <summary>The folder of this process, which the reaper removes once the process is gone.</summary>
    public static string ForProcess()
    {
        lock (Gate)
            return _process ??= CreateForProcess();
    }

    /// <summary>The folder of this process where there is one already.</summary>
    public static string? OfProcess => Volatile.Read(ref _process);

    /// <summary>The folder that all processes of this user share.</summary>
    /// <exception cref="HostNotReadyException">The place can't be used.</exception>
    public static string ForUser()
    {
        string root = Root();
        CreateRoot(root);
        return root;
    }

    /// <summary>Makes something below the run folder; where that fails, nothing of it stays.</summary>
    /// <exception cref="HostNotReadyException">The place can't be used: full, read-only, closed.</exception>
    public static T Guard<T>(string path, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FolderRemoval.Remove(path);
            throw NotUsable(Root(), e.Message, e);
        }
    }

    private static string CreateForProcess()
    {
        string root = ForUser();
        using FileLock exclusive = TakeRootLock(root);
        string process = NewName(root);
        return Guard(process, () =>
        {
            Sweep(root);
            Directory.CreateDirectory(process, Traversable);
            _lock = FileLock.TryTake(Path.Combine(process, RunFolderContents.LockName))
                ?? throw new IOException($"'{process}' is in use already.");
            return process;
        });
    }

    // Containers that share the root may each have a process of this number. Called under the root's lock.
    private static string NewName(string root)
    {
        string process;
        do process = Path.Combine(root, $"{Environment.ProcessId}-{Random.Shared.Next(0x10000):x4}");
        while (Path.Exists(process));
        return process;
    }

    // QEMU's user must pass through where it is another one than ours.
    private static UnixFileMode Traversable => QemuUser.IsOther ? Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : Private;

    private static string Root()
    {
        if (EnvironmentVariables.Run is { } own)
            return Path.GetFullPath(own);
        // Root's own runtime folder is closed to the user that QEMU runs as.
        return EnvironmentVariables.XdgRuntimeDirectory is { } runtime && Path.IsPathRooted(runtime) && !QemuUser.IsOther
            ? Path.Combine(runtime, "testharness")
            : $"/tmp/testharness-{Native.EffectiveUserId()}";
    }

    private static void CreateRoot(string root)
    {
        // Not made: folders above our own would get a mode by the umask, and a path with a slip in it is more likely.
        if (Path.GetDirectoryName(root) is { } parent && !Directory.Exists(parent))
            throw NotUsable(root, $"the folder '{parent}' does not exist", null);
        try
        {
            Directory.CreateDirectory(root, Traversable);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotUsable(root, e.Message, e);
        }

        // In a folder that everybody may write to, somebody else may have been first.
        if (OwnFolder.FindFault(root) is { } fault)
            throw NotUsable(root, fault, null);
        if (RunFolderContents.FindForeign(root) is { } foreign)
            throw NotUsable(
                root,
                $"it has things in it that are not TestHarness's: {foreign}",
                null,
                "set TESTHARNESS_RUN to a folder that is empty, or that does not exist yet."
            );
    }

    /// <summary>Makes the failure of a run folder that is full, read-only or somebody else's.</summary>
    public static HostNotReadyException NotUsable(string root, string reason, Exception? inner, string? remedy = null) =>
        new(
            new FailureText($"The run folder '{root}' can't be used.")
                .Add("Reason", reason)
                .Try(remedy ?? "set TESTHARNESS_RUN to a folder of your own that has room and that nobody else may write to."),
            inner
        );

    private static FileLock TakeRootLock(string root)
    {
        string path = Path.Combine(root, RunFolderContents.LockName);
        long began = Clock.System.GetTimestamp();
        while (true)
        {
            try
            {
                if (FileLock.TryTake(path) is { } taken)
                    return taken;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw NotUsable(root, e.Message, e);
            }

            if (Clock.System.GetElapsedTime(began) > LockLimit)
                throw NotUsable(root, $"{FileLock.ReadOwner(path)} has held '{path}' for {LockLimit.TotalSeconds} s; is it stopped?", null);
            Clock.Sleep(TimeSpan.FromMilliseconds(5));
        }
    }

    private static void Sweep(string root)
    {
        foreach (string folder in Directory.GetDirectories(root))
        {
            try
            {
                using FileLock? free = RunFolderContents.IsOfProcess(folder)
                    ? FileLock.TryTake(Path.Combine(folder, RunFolderContents.LockName))
                    : null;
                if (free is not null)
                    FolderRemoval.Remove(folder);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Its own reaper is removing it at the same moment, or the disk is full; the next start looks again.
            }
        }
    }
}
