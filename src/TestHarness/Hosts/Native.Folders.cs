using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>Files and folders by descriptor, and never by a symbolic link, for folders that somebody else may write to.</summary>
internal static unsafe partial class Native
{
    // As on amd64; other architectures have other values (open(2)).
    private const int OpenFolderOnly = 0x10000;
    private const int OpenNoFollow = 0x20000;
    private const int OpenPathOnly = 0x200000;
    private const int EmptyPath = 0x1000;

    /// <summary>Opens what is at a path to look at it: a link itself, not what it leads to.</summary>
    public static SafeFileHandle OpenPath(string path) => OrThrow(path, Open(path, OpenPathOnly | OpenNoFollow | OpenCloseOnExec, 0));

    /// <summary>Opens a file for reading, without waiting for anybody.</summary>
    public static SafeFileHandle OpenToRead(string path) => OrThrow(path, Open(path, OpenNoFollow | OpenNonBlocking | OpenCloseOnExec, 0));

    /// <summary>Opens a folder.</summary>
    public static SafeFileHandle OpenFolder(string path) => OrThrow(path, Open(path, OpenFolderOnly | OpenNoFollow | OpenCloseOnExec, 0));

    /// <summary>Tells what a descriptor is open on.</summary>
    public static FileStatus StatusOf(SafeFileHandle file)
    {
        Span<byte> status = stackalloc byte[256];
        fixed (byte* buffer = status)
        {
            if (Statx(Descriptor(file), "", EmptyPath, StatxBasicStats, buffer) != 0)
                throw Failure("a descriptor");
        }

        return ToStatus(status);
    }

    /// <summary>Changes the owner of what a descriptor is open on.</summary>
    public static void ChangeOwner(SafeFileHandle file, uint user, uint group, string path)
    {
        if (ChangeOwnerAt(Descriptor(file), "", user, group, EmptyPath) != 0)
            throw Failure(path);
    }

    /// <summary>Changes the permissions of what a descriptor is open on.</summary>
    public static void ChangeMode(SafeFileHandle file, UnixFileMode mode, string path)
    {
        if (ChangeModeOf(Descriptor(file), (uint)mode) != 0)
            throw Failure(path);
    }

    /// <summary>Gives a file a second name. False where that can't be: on another file system, or as another user's file.</summary>
    public static bool TryLink(string path, string second) => Link(path, second) == 0;

    private static int Descriptor(SafeFileHandle file) => (int)file.DangerousGetHandle();

    private static SafeFileHandle OrThrow(string path, int descriptor) =>
        descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failure(path);

    private static IOException Failure(string path) => new($"'{path}': {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string second);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwnerAt(int folder, string path, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeModeOf(int descriptor, uint mode);
}
