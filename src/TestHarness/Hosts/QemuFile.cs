using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>
/// What QEMU made or may change in its folder. A guest that has broken out into QEMU puts there what it likes: a link, another file's
/// second name, a pipe. So each is opened without following anything, and looked at before it is used.
/// </summary>
internal static class QemuFile
{
    // A screen of 4096x2304 pixels has 28 MB without compression; QEMU's VGA has 16 MiB of memory.
    private const long MostBytes = 64 * 1024 * 1024;

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It is not there, is something else than a file of QEMU's, or is too large.</exception>
    public static async Task<byte[]> ReadAsync(string path, CancellationToken cancellationToken)
    {
        using SafeFileHandle file = Open(path);
        long length = RandomAccess.GetLength(file);
        if (length > MostBytes)
            throw new IOException($"'{path}' has {length} bytes, and what QEMU writes there has at most {MostBytes}.");
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)length);
        int count = 0,
            read;
        while (
            count < bytes.Length
            && (read = await RandomAccess.ReadAsync(file, bytes.AsMemory(count), count, cancellationToken).ConfigureAwait(false)) > 0
        )
            count += read;
        return count == bytes.Length ? bytes : bytes[..count];
    }

    /// <summary>Copies a file to a folder that is ours.</summary>
    /// <exception cref="IOException">It is not there, or is something else than a file of QEMU's.</exception>
    public static void Copy(string path, string target)
    {
        using SafeFileHandle file = Open(path);
        File.Copy(ByDescriptor(file), target);
    }

    /// <summary>Connects to a socket that QEMU listens on.</summary>
    /// <exception cref="IOException">It is not there, or is something else than a socket of QEMU's.</exception>
    public static async Task ConnectAsync(Socket socket, string path, CancellationToken cancellationToken)
    {
        using SafeFileHandle file = Native.OpenPath(path);
        FileStatus status = Native.StatusOf(file);
        if (!status.IsSocket || !IsQemus(status))
            throw NotQemus(path, status);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(ByDescriptor(file)), cancellationToken).ConfigureAwait(false);
    }

    private static SafeFileHandle Open(string path)
    {
        SafeFileHandle file = Native.OpenToRead(path);
        FileStatus status = Native.StatusOf(file);
        if (status.IsPlainFile && IsQemus(status))
            return file;
        file.Dispose();
        throw NotQemus(path, status);
    }

    // proc_pid_fd(5): such a path leads to what is open, whatever has become of its name.
    private static string ByDescriptor(SafeFileHandle file) => $"/proc/self/fd/{file.DangerousGetHandle()}";

    private static bool IsQemus(FileStatus status) => status.User == QemuUser.Id && status.Names == 1;

    private static IOException NotQemus(string path, FileStatus status) =>
        new($"'{path}' is not what QEMU was asked for: {status.Type} of user {status.User} with {status.Names} names.");
}
