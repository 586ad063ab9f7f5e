using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>What is asked of a file or device before QEMU opens it.</summary>
internal static unsafe partial class Native
{
    public const int ErrorNotPermitted = 1;
    public const int ErrorAccess = 13;

    private const int MaxPath = 4096;

    /// <summary>Tells what a path leads to, through symbolic links; <see langword="null"/> where there is nothing.</summary>
    public static FileStatus? StatusOf(string path) => StatusOf(path, 0);

    /// <summary>Tells what is at a path, a symbolic link itself; <see langword="null"/> where there is nothing.</summary>
    public static FileStatus? StatusOfItself(string path) => StatusOf(path, NoFollow);

    /// <summary>Opens a file for reading and writing without waiting for anybody, and closes it again.</summary>
    /// <returns>0, or the error's number.</returns>
    public static int TryOpen(string path)
    {
        int descriptor = Open(path, OpenReadWrite | OpenNonBlocking | OpenCloseOnExec, 0);
        if (descriptor < 0)
            return Marshal.GetLastPInvokeError();
        new SafeFileHandle(descriptor, ownsHandle: true).Dispose();
        return 0;
    }

    /// <summary>Returns a path without links and dots (realpath(3)), or <see langword="null"/> where there is nothing.</summary>
    public static string? RealPath(string path)
    {
        Span<byte> resolved = stackalloc byte[MaxPath];
        fixed (byte* buffer = resolved)
            return RealPath(path, buffer) == 0 ? null : Marshal.PtrToStringUTF8((nint)buffer);
    }

    private static FileStatus? StatusOf(string path, int flags)
    {
        Span<byte> status = stackalloc byte[256];
        int result;
        fixed (byte* buffer = status)
            result = Statx(CurrentFolder, path, flags, StatxBasicStats, buffer);
        return result == 0 ? ToStatus(status) : null;
    }

    // struct statx (statx(2)): number of names 16, uid 20, gid 24, mode 28, inode 32, change time 96, device numbers 128 to 143.
    private static FileStatus ToStatus(ReadOnlySpan<byte> status) =>
        new(
            BitConverter.ToUInt16(status[28..]),
            BitConverter.ToUInt32(status[20..]),
            BitConverter.ToUInt32(status[24..]),
            Convert.ToHexStringLower(status[32..40])
                + Convert.ToHexStringLower(status[96..108])
                + Convert.ToHexStringLower(status[128..144])
        )
        {
            Names = BitConverter.ToUInt32(status[16..]),
        };

    [LibraryImport("libc", EntryPoint = "realpath", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint RealPath(string path, byte* resolved);
}
