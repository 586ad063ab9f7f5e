using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>Whom QEMU runs as: the user of this process, but never root. For root's QEMUs there is a user that nobody else is.</summary>
internal static class QemuUser
{
    // Before there was one of our own, QEMU ran as nobody, on every Linux distribution (user_namespaces(7): the overflow ids).
    private const uint Former = 65534;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Not cached where it fails, for the reason may be put right.
    private static readonly Lazy<uint> Chosen = new(QemuUserNumber.Choose, LazyThreadSafetyMode.PublicationOnly);

    public static bool IsOther { get; } = OperatingSystem.IsLinux() && Native.EffectiveUserId() == 0;

    /// <summary>Gets that user's number, and its group's.</summary>
    /// <exception cref="HostNotReadyException">No number is free.</exception>
    public static uint Id => IsOther ? Chosen.Value : Native.EffectiveUserId();

    /// <summary>The arguments of setpriv(1) that start a program as that user, to die with the thread that forked it.</summary>
    /// <param name="deviceGroup">A group that another user than ours is put into, for a device that it needs; <see langword="null"/>:
    /// none.</param>
    public static IEnumerable<string> SetPrivArguments(uint? deviceGroup) =>
        IsOther
            ?
            [
                $"--reuid={Id}",
                $"--regid={Id}",
                deviceGroup is { } group ? $"--groups={group}" : "--clear-groups",
                "--no-new-privs",
                "--pdeathsig",
                "KILL",
                "--",
            ]
            : ["--no-new-privs", "--pdeathsig", "KILL", "--"];

    /// <summary>Hands a file, socket or pipe that we made to that user.</summary>
    /// <exception cref="IOException">It can't be handed over, or something else is there.</exception>
    public static void Give(string path)
    {
        if (!IsOther)
            return;
        using SafeFileHandle file = Native.OpenPath(path);
        FileStatus status = Native.StatusOf(file);
        if (status.IsLink || status.IsFolder || status.Names != 1 || (status.User != 0 && status.User != Id && status.User != Former))
            throw new IOException(
                $"'{path}' is not handed to the user that QEMU runs as: it is {status.Type} of user {status.User} with "
                    + $"{status.Names} names."
            );
        Native.ChangeOwner(file, Id, Id, path);
    }

    /// <summary>Hands a folder over, once all that we make in it is made: from then on nothing in it is trusted.</summary>
    public static void HandOver(string folder)
    {
        if (IsOther)
            Own(folder, Id);
    }

    /// <summary>Makes a folder ours again, so that what we make in it is where we made it.</summary>
    public static void TakeBack(string folder)
    {
        if (IsOther)
            Own(folder, 0);
    }

    private static void Own(string path, uint user)
    {
        using SafeFileHandle folder = Native.OpenFolder(path);
        Native.ChangeOwner(folder, user, user, path);
        Native.ChangeMode(folder, Private, path);
    }
}
