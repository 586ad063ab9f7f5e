using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>The few system calls that .NET has no API for.</summary>
internal static unsafe partial class Native
{
    public const int LockShared = 1;
    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;
    public const int ErrorWouldBlock = 11;

    private const long SystemCallPidFdOpen = 434;
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint StatxBasicStats = 0x7ff;
    private const short PollIn = 1;
    private const int OpenReadWrite = 0x2;
    private const int OpenCreate = 0x40;
    private const int OpenNonBlocking = 0x800;
    private const int OpenCloseOnExec = 0x80000;
    private const int SetStatusFlags = 4;
    private const int SetPipeSize = 1031;
    private const int LargestPipe = 1024 * 1024;
    private const int OwnerReadWrite = 0x180;

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUserId();

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    /// <summary>
    /// Opens a file to lock it, and makes it where needed. FileStream would take a lock of its own, and fail where it can't.
    /// </summary>
    public static SafeFileHandle OpenForLock(string path)
    {
        int descriptor = Open(path, OpenReadWrite | OpenCreate | OpenNoFollow | OpenCloseOnExec, OwnerReadWrite);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"Opening '{path}' failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
    }

    /// <summary>Makes a named pipe that only its owner may use (mkfifo(3)).</summary>
    public static void MakePipe(string path)
    {
        if (MakeFifo(path, OwnerReadWrite) != 0)
            throw new IOException($"Making the pipe '{path}' failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
    }

    /// <summary>
    /// Opens a named pipe without waiting for its other end, and gives it as large a buffer as an ordinary user may have.
    /// </summary>
    public static SafeFileHandle OpenPipe(string path, bool forReading)
    {
        // O_RDWR for the writing side: O_WRONLY fails where nobody reads yet (fifo(7)).
        int descriptor = Open(path, (forReading ? OpenNonBlocking : OpenReadWrite) | OpenNoFollow | OpenCloseOnExec, 0);
        if (descriptor < 0)
            throw new IOException($"Opening the pipe '{path}' failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
        // From here on reads wait for bytes. That the buffer grows is not needed, only welcome.
        _ = FileControl(descriptor, SetStatusFlags, 0);
        _ = FileControl(descriptor, SetPipeSize, LargestPipe);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Tells whether a path is a file that ends when it is read: no pipe, socket or device, and no symbolic link.</summary>
    public static bool IsOrdinaryFile(string path) => StatusOfItself(path) is { IsPlainFile: true };

    /// <summary>
    /// Tells how many bytes a file takes on its disk; a sparse file takes fewer than its length. 0 where there is no such file.
    /// </summary>
    public static long AllocatedBytes(string path)
    {
        // stx_blocks, in units of 512 bytes, at byte 48.
        Span<byte> status = stackalloc byte[256];
        int result;
        fixed (byte* buffer = status)
            result = Statx(CurrentFolder, path, NoFollow, StatxBasicStats, buffer);
        return result == 0 ? BitConverter.ToInt64(status[48..]) * 512 : 0;
    }

    /// <summary>
    /// Opens a descriptor that becomes readable when the process ends (pidfd_open(2)); -1 where there is no such process.
    /// </summary>
    public static int OpenProcess(int process) => (int)SystemCall(SystemCallPidFdOpen, process, 0);

    /// <summary>Blocks until one of the descriptors is readable.</summary>
    public static void WaitForAny(IReadOnlyList<int> descriptors)
    {
        PollDescriptor[] wanted = [.. descriptors.Select(descriptor => new PollDescriptor { Descriptor = descriptor, Events = PollIn })];
        fixed (PollDescriptor* first = wanted)
        {
            while (Poll(first, (ulong)wanted.Length, -1) <= 0)
            {
                // Interrupted by a signal: poll(2) again.
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, int mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long first, long second);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollDescriptor* descriptors, ulong count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
