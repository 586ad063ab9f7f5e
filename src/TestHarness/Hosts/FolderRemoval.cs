using System.Runtime.InteropServices;
using System.Text;

namespace TestHarness.Hosts;

/// <summary>
/// Deletes a folder that is ours, with all in it. Each entry is named within an open folder (unlinkat(2)): whoever puts a link in the place
/// of a folder meanwhile loses the link, and nothing that it leads to.
/// </summary>
internal static unsafe partial class FolderRemoval
{
    private const int CurrentFolder = -100;
    private const int AsFolder = 0x10000 | 0x20000 | 0x80000;
    private const int RemoveFolder = 0x200;

    private const int NoSuchEntry = 2;
    private const int NoFolder = 20;
    private const int IsLink = 40;

    // struct dirent of 64-bit Linux (readdir(3)): the name comes after inode, offset, length and type.
    private const int NameOffset = 19;

    // Each has two descriptors open, and takes some of the thread's stack.
    private const int MostLevels = 256;

    private static readonly byte[] Itself = "."u8.ToArray();

    /// <summary>Deletes it; where it is a link, the link. Does nothing where there is nothing.</summary>
    /// <exception cref="IOException">Something of it could not be deleted.</exception>
    public static void Remove(string folder) =>
        Remove(CurrentFolder, Encoding.UTF8.GetBytes(Path.TrimEndingDirectorySeparator(folder)), folder, MostLevels);

    // The folder is for the words of an error only.
    private static void Remove(int parent, byte[] name, string folder, int levels)
    {
        if (levels == 0)
            throw new IOException($"Removing '{folder}' failed: its folders lie too deep in each other.");
        // O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC.
        int descriptor = OpenAt(parent, Terminated(name), AsFolder);
        int error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (error == NoSuchEntry)
            return;
        if (error is NoFolder or IsLink)
        {
            Check(UnlinkAt(parent, Terminated(name), 0), folder);
            return;
        }

        Check(descriptor, folder);
        try
        {
            foreach (byte[] entry in Entries(descriptor, folder))
            {
                // Most are files, which this removes; a folder is refused.
                if (UnlinkAt(descriptor, Terminated(entry), 0) != 0)
                    Remove(descriptor, entry, folder, levels - 1);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }

        Check(UnlinkAt(parent, Terminated(name), RemoveFolder), folder);
    }

    // Names as they are: .NET can't say those that are not valid UTF-8.
    private static List<byte[]> Entries(int folder, string path)
    {
        var names = new List<byte[]>();
        // A descriptor of its own, which closedir(3) closes.
        int again = OpenAt(folder, Terminated(Itself), AsFolder);
        Check(again, path);
        nint stream = OpenStream(again);
        if (stream == 0)
        {
            _ = Close(again);
            Check(-1, path);
        }

        while (ReadStream(stream) is var entry and not 0)
        {
            ReadOnlySpan<byte> name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)entry + NameOffset);
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                names.Add(name.ToArray());
        }

        _ = CloseStream(stream);
        return names;
    }

    private static byte[] Terminated(byte[] name) => [.. name, 0];

    private static void Check(int result, string folder)
    {
        int error = Marshal.GetLastPInvokeError();
        if (result >= 0 || error == NoSuchEntry)
            return;
        throw new IOException($"Removing '{folder}' failed: {Marshal.GetPInvokeErrorMessage(error)}.");
    }

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int folder, byte[] name, int flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int UnlinkAt(int folder, byte[] name, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    private static partial nint OpenStream(int descriptor);

    [LibraryImport("libc", EntryPoint = "readdir")]
    private static partial nint ReadStream(nint stream);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseStream(nint stream);
}
