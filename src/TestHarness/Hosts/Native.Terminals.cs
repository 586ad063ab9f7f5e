using System.Runtime.InteropServices;

namespace TestHarness.Hosts;

/// <summary>Terminals: their modes and sizes.</summary>
internal static unsafe partial class Native
{
    // struct termios has 60 bytes on Linux; what is more is room.
    private const int TerminalModeBytes = 128;
    private const int SetNow = 0;
    private const nuint GetWindowSize = 0x5413;

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

    /// <summary>Returns a terminal's columns and rows, or <see langword="null"/> where it has none.</summary>
    public static (int Columns, int Rows)? WindowSizeOf(int descriptor)
    {
        // struct winsize: rows, columns, and two that nobody uses.
        ushort* size = stackalloc ushort[4];
        return DeviceControl(descriptor, GetWindowSize, size) == 0 && size[0] > 0 && size[1] > 0 ? (size[1], size[0]) : null;
    }

    /// <summary>Reads what is there; 0 at the end, or where nothing can be read any more.</summary>
    public static int Read(int descriptor, Span<byte> to)
    {
        fixed (byte* buffer = to)
            return (int)Math.Max(0, Read(descriptor, buffer, (nuint)to.Length));
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetTerminalMode(int descriptor, byte* mode);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetTerminalMode(int descriptor, int when, byte* mode);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* mode);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int DeviceControl(int descriptor, nuint request, ushort* argument);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, byte* buffer, nuint count);
}
