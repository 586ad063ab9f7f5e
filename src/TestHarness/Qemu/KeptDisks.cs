using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Images;

namespace TestHarness.Qemu;

/// <summary>
/// Disks that outlive their machine, in a folder of their own (<see cref="MachineSpec.DiskFolder"/>): made whole or not at all, for one
/// machine at a time, and only ever used on the image that they were made on. The machine's folder has symbolic links to them.
/// </summary>
internal sealed class KeptDisks : IDisposable
{
    private const string Making = "making";
    private const string BaseFile = "image";
    private const string Disks = "disks";
    private const string LockName = "lock";
    private const string SetupFile = "setup";
    private const int LongestBase = 4096;

    private static readonly string[] DiskNames =
    [
        MachineFileNames.Overlay,
        MachineFileNames.UefiVariables,
        MachineFileNames.Seed,
        .. Enumerable.Range(0, MachineSpec.MaxDisks).Select(MachineFileNames.ExtraDisk),
    ];

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FileLock _lock;
    private readonly string _setup;

    private KeptDisks(FileLock taken, string folder) => (_lock, _setup) = (taken, Path.Combine(folder, SetupFile));

    /// <summary>Takes the folder's disks for a machine; makes them where there are none.</summary>
    /// <exception cref="HostNotReadyException">Another machine runs on them, they lie on another image, there are too few, or the folder
    /// can't be used.</exception>
    public static async Task<KeptDisks> TakeAsync(
        string folder,
        GuestImage image,
        int extraDisks,
        string machineFolder,
        Func<string, Task> make
    )
    {
        folder = Path.GetFullPath(folder);
        FileLock taken = Take(folder);
        try
        {
            string disks = Path.Combine(folder, Disks);
            if (!Directory.Exists(disks))
                await MakeAsync(folder, disks, image, make).ConfigureAwait(false);
            RequireSameBase(folder, image);
            RequireAll(disks, extraDisks);
            foreach (string file in Directory.GetFiles(disks))
                File.CreateSymbolicLink(Path.Combine(machineFolder, Path.GetFileName(file)), file);
            Admit(disks);
            OpenTo(folder);
            return new KeptDisks(taken, folder);
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Tells which disk a folder's disks lie on, or <see langword="null"/> where there are none.</summary>
    public static string? BaseOf(string folder) =>
        Path.Combine(folder, BaseFile) is var file && File.Exists(file) ? File.ReadAllText(file) : null;

    /// <summary>
    /// Removes a folder's disks; what else is in it stays, and so does what a link leads to. Nobody has them: the caller sees to that.
    /// </summary>
    public static void Remove(string folder)
    {
        RemoveFiles(Path.Combine(folder, Disks), DiskNames);
        RemoveFiles(Path.Combine(folder, Making), DiskNames);
        RemoveFiles(folder, [LockName, BaseFile, SetupFile, $"{SetupFile}.new"]);
    }

    /// <summary>Reads the keys of the steps of a set-up that the disks have behind them.</summary>
    public string[] ReadSetup() => File.Exists(_setup) ? File.ReadAllLines(_setup) : [];

    /// <summary>Notes the keys of the steps that the disks have behind them.</summary>
    public void NoteSetup(IEnumerable<string> keys)
    {
        File.WriteAllLines($"{_setup}.new", keys);
        File.Move($"{_setup}.new", _setup, overwrite: true);
    }

    public void Dispose() => _lock.Dispose();

    private static void RemoveFiles(string folder, string[] names)
    {
        if (!Directory.Exists(folder) || new DirectoryInfo(folder).LinkTarget is not null)
            return;
        foreach (string name in names)
            File.Delete(Path.Combine(folder, name));
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    private static FileLock Take(string folder)
    {
        // Before anything is made in it: one that was named by mistake stays as it is.
        if (!Directory.Exists(Path.Combine(folder, Disks)))
            RequireOurs(folder, Path.Combine(folder, Making));
        try
        {
            QemuReach.CreateFolder(folder);
            return FileLock.TryTake(Path.Combine(folder, LockName)) ?? throw InUse(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HostNotReadyException(
                new FailureText($"The folder '{folder}' can't be used for disks.")
                    .Add("Reason", e.Message)
                    .Try("name a folder that this user can write."),
                e
            );
        }
    }

    // New disks are made in a folder that is empty, or in which a maker was killed.
    private static void RequireOurs(string folder, string making)
    {
        string named = Path.Combine(folder, BaseFile);
        string? foreign = Foreign(folder, [LockName, BaseFile, Making]) ?? Foreign(making, DiskNames) ?? (IsBase(named) ? null : named);
        if (foreign is null)
            return;
        throw new HostNotReadyException(
            new FailureText($"The folder '{folder}' has other things in it than a machine's disks, and no disks are made there.")
                .Add("Found", foreign)
                .Try("name a folder that is empty, or that does not exist yet.")
        );
    }

    // What an earlier maker wrote: a path.
    private static bool IsBase(string file) =>
        !File.Exists(file) || (new FileInfo(file).Length <= LongestBase && File.ReadAllText(file).StartsWith('/'));

    private static string? Foreign(string folder, string[] known) =>
        !Directory.Exists(folder)
            ? null
            : new DirectoryInfo(folder)
                .EnumerateFileSystemInfos()
                .FirstOrDefault(entry => entry.LinkTarget is not null || !known.Contains(entry.Name, StringComparer.Ordinal))
                ?.FullName;

    // Renamed when they are whole: what a killed maker left is made anew.
    private static async Task MakeAsync(string folder, string disks, GuestImage image, Func<string, Task> make)
    {
        string making = Path.Combine(folder, Making);
        RequireOurs(folder, making);
        FolderRemoval.Remove(making);
        Directory.CreateDirectory(making, Private);
        await make(making).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder, BaseFile), image.DiskPath).ConfigureAwait(false);
        Directory.Move(making, disks);
    }

    private static void RequireSameBase(string folder, GuestImage image)
    {
        string? was = BaseOf(folder);
        if (was == image.DiskPath)
            return;
        throw new HostNotReadyException(
            new FailureText($"The disks in '{folder}' were made on another image, and hold only what differs from it.")
                .Add("Made on", was)
                .Add("Asked for", image.DiskPath)
                .Try("use the image that they were made on, or another folder for the disks of this one.")
        );
    }

    private static void RequireAll(string disks, int extraDisks)
    {
        string[] missing =
        [
            .. Enumerable.Range(0, extraDisks).Select(MachineFileNames.ExtraDisk).Where(file => !File.Exists(Path.Combine(disks, file))),
        ];
        if (missing.Length == 0)
            return;
        throw new HostNotReadyException(
            new FailureText(
                $"The machine whose disks are in '{disks}' was made with fewer disks beside the image "
                    + $"({extraDisks - missing.Length}) than it is asked for with ({extraDisks})."
            )
                .Add("Missing", string.Join(", ", missing))
                .Try("ask for the disks that it was made with, or name another folder, where they are made anew.")
        );
    }

    /// <summary>
    /// Lets QEMU's user open the disks, and put nothing beside them. Before it had a number of its own they were another user's, and the
    /// folder, too.
    /// </summary>
    public static void Admit(string disks)
    {
        if (!QemuUser.IsOther)
            return;
        QemuUser.TakeBack(disks);
        foreach (string file in Directory.GetFiles(disks))
            QemuUser.Give(file);
        OpenTo(disks);
    }

    // QEMU's user passes through where it is another one than ours.
    private static void OpenTo(string folder)
    {
        if (QemuUser.IsOther)
            File.SetUnixFileMode(folder, Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    private static HostNotReadyException InUse(string folder) =>
        new(
            new FailureText($"The disks in '{folder}' are in use: {FileLock.ReadOwner(Path.Combine(folder, LockName))} has them.").Try(
                "end that machine first; one folder of disks is for one machine at a time."
            )
        );
}
