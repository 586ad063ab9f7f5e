using System.Runtime.InteropServices;

namespace TestHarness.Hosts;

/// <summary>Terminals: their modes, sizes and keys.</summary>
internal static unsafe partial class Native
{
    // struct termios has 60 bytes on Linux; what is more is room.
    private const int TerminalModeBytes = 128;
    private const int SetNow = 0;
    private const nuint GetWindowSize = 0x5413;
    private const int ErrorInterrupted = 4;

    /// <summary>Returns a terminal's mode, or <see langword="null"/> for what is no terminal.</summary>
    public static byte[]? TerminalModeOf(int descriptor)
    {
        var mode = new byte[TerminalModeBytes];
        fixed (byte* buffer = mode)
            return GetTerminalMode(descriptor, buffer) == 0 ? mode : null;
    }

    /// <summary>Makes a terminal pass on every key as it is, Ctrl-C, too (cfmakeraw(3)).</summary>
    public static void MakeTerminalRaw(int descriptor, byte[] mode)
    {
        byte[] raw = [.. mode];
        fixed (byte* buffer = raw)
        {
            MakeRaw(buffer);
            _ = SetTerminalMode(descriptor, SetNow, buffer);
        }
    }

    /// <summary>Gives a terminal a mode back.</summary>
    public static void SetTerminalMode(int descriptor, byte[] mode)
    {
        fixed (byte* buffer = mode)
            _ = SetTerminalMode(descriptor, SetNow, buffer);
    }

    /// <summary>
    /// Tells whether a terminal may be changed by this process: it is not that of another job (which would stop this one), or not its
    /// controlling terminal at all.
    /// </summary>
    public static bool OwnsTerminal(int descriptor) => ForegroundOf(descriptor) is var group && (group < 0 || group == ProcessGroup());

    /// <summary>Returns a terminal's columns and rows, or <see langword="null"/> where it has none.</summary>
    public static (int Columns, int Rows)? WindowSizeOf(int descriptor)
    {
        // struct winsize: rows, columns, and two that nobody uses.
        ushort* size = stackalloc ushort[4];
        return DeviceControl(descriptor, GetWindowSize, size) == 0 && size[0] > 0 && size[1] > 0 ? (size[1], size[0]) : null;
    }

    /// <summary>
    /// Reads what is there; 0 at the end or where nothing can be read any more, <see langword="null"/> where there is nothing after all.
    /// </summary>
    public static int? Read(int descriptor, Span<byte> to)
    {
        fixed (byte* buffer = to)
        {
            nint count = Read(descriptor, buffer, (nuint)to.Length);
            return count < 0 && Marshal.GetLastPInvokeError() is ErrorInterrupted or ErrorWouldBlock ? null : (int)Math.Max(0, count);
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetTerminalMode(int descriptor, byte* mode);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetTerminalMode(int descriptor, int when, byte* mode);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* mode);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp")]
    private static partial int ForegroundOf(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int ProcessGroup();

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int DeviceControl(int descriptor, nuint request, ushort* argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, byte* buffer, nuint count);
}
