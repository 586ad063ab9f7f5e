using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>What this process may do with files of other users.</summary>
internal static unsafe partial class Native
{
    private const int AccessRead = 4;
    private const int AccessWrite = 2;
    private const int AccessAsEffectiveUser = 0x200;

    /// <summary>
    /// Tells whether a file may be read, and with <paramref name="write"/> written, or entries made in a folder; false where there is none.
    /// </summary>
    public static bool May(string path, bool write) =>
        FileAccessAt(CurrentFolder, path, write ? AccessRead | AccessWrite : AccessRead, AccessAsEffectiveUser) == 0;

    /// <summary>Opens a file that is there to lock it with others. A shared lock needs no more than that it may be read.</summary>
    public static SafeFileHandle OpenForSharedLock(string path)
    {
        int descriptor = Open(path, OpenCloseOnExec, 0);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"Opening '{path}' failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
    }

    [LibraryImport("libc", EntryPoint = "faccessat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileAccessAt(int folder, string path, int mode, int flags);
}
