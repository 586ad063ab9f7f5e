using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>Checks a folder that a guest is to read, so that the error is ours and not one of a program in the guest.</summary>
internal static class ShareFolder
{
    // A tree that is larger is not searched to its end: what is closed in the rest, the guest can't read either.
    private const int MostSearched = 10_000;

    private static readonly EnumerationOptions All = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.ReparsePoint,
        IgnoreInaccessible = false,
    };

    /// <summary>Checks that it is there and that QEMU's user can read what is in it.</summary>
    /// <exception cref="HostNotReadyException">It can't be shared.</exception>
    public static void Require(string path)
    {
        if (!Directory.Exists(path))
            throw Refused(
                path,
                File.Exists(path) ? "it is not a folder" : "it does not exist",
                "MachineSpec.Shares: name a folder that is there."
            );
        try
        {
            if (QemuUser.IsOther)
                RequireOpen(path);
            else
                _ = Directory.EnumerateFileSystemEntries(path).Any();
        }
        catch (UnauthorizedAccessException e)
        {
            throw Refused(path, e.Message, "let this user read it.");
        }
    }

    private static void RequireOpen(string path)
    {
        if (QemuReach.FindClosedFolder(path) is { } closed)
            RequireOpen(path, closed, UnixFileMode.OtherExecute, "a+x");
        RequireOpen(path, path, UnixFileMode.OtherExecute | UnixFileMode.OtherRead, "a+rx");
        foreach (FileSystemInfo entry in new DirectoryInfo(path).EnumerateFileSystemInfos("*", All).Take(MostSearched))
        {
            bool isFolder = entry is DirectoryInfo;
            RequireOpen(
                path,
                entry.FullName,
                isFolder ? UnixFileMode.OtherExecute | UnixFileMode.OtherRead : UnixFileMode.OtherRead,
                isFolder ? "a+rx" : "a+r"
            );
        }
    }

    private static void RequireOpen(string share, string path, UnixFileMode needed, string mode)
    {
        if (!File.GetUnixFileMode(path).HasFlag(needed))
        {
            throw Refused(
                share,
                $"this process is root, so QEMU runs as an unprivileged user, to which '{path}' is closed",
                $"chmod {mode} '{path}', or share a folder without it."
            );
        }
    }

    private static HostNotReadyException Refused(string path, string reason, string remedy) =>
        new(
            new FailureText($"The folder '{PrintableText.Of(path)}' can't be shared with a guest.")
                .Add("Reason", PrintableText.Of(reason))
                .Try(PrintableText.Of(remedy))
        );
}
