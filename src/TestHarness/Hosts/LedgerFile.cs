using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>
/// A file in the ledger's folder: a share that is taken, or a place in the queue. Its owner holds a lock on it for as long as it counts, so
/// that the kernel takes it back however the owner dies. Files are made, renamed, written and swept only under the folder's lock; given
/// back without it.
/// </summary>
internal sealed partial class LedgerFile : IDisposable
{
    public const string Taken = ".taken";
    public const string Waiting = ".waiting";

    private const int OpenReadWrite = 0x2;
    private const int OpenCloseOnExec = 0x80000;
    private const int LargestEntry = 4096;

    private readonly SafeFileHandle _handle;
    private int _disposed;

    private LedgerFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
    }

    public string Path { get; private set; }

    /// <summary>The file's place in the queue.</summary>
    public long Ticket { get; private init; } = long.MaxValue;

    public static LedgerFile CreateTaken(string folder, LedgerRequest request) =>
        Create($"{folder}/{UniqueName()}{Taken}", request, long.MaxValue);

    public static LedgerFile CreateWaiting(string folder, LedgerRequest request, long ticket) =>
        Create($"{folder}/{ticket:d12}-{UniqueName()}{Waiting}", request, ticket);

    /// <summary>Reads a file; one whose owner is gone is removed.</summary>
    /// <returns>What it says, or <see langword="null"/> where nobody holds it any more.</returns>
    public static LedgerEntry? ReadOrSweep(string path)
    {
        // Without O_CREAT: its owner may have given it back since the folder was listed.
        int descriptor = Open(path, OpenReadWrite | OpenCloseOnExec);
        if (descriptor < 0)
            return null;
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Native.Lock(file, Native.LockExclusive | Native.LockNonBlocking) == 0)
        {
            File.Delete(path);
            return null;
        }

        Span<byte> bytes = stackalloc byte[LargestEntry];
        return LedgerEntry.Parse(path, Encoding.UTF8.GetString(bytes[..RandomAccess.Read(file, bytes, 0)]));
    }

    /// <summary>Writes an entry of any process anew, where it is still there.</summary>
    public static void Rewrite(LedgerEntry entry)
    {
        int descriptor = Open(entry.Path, OpenReadWrite | OpenCloseOnExec);
        if (descriptor < 0)
            return;
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        Write(file, entry);
    }

    /// <summary>Makes a place in the queue a share. A rename, so that the lock is held throughout and nobody is woken for it.</summary>
    public void BecomeTaken()
    {
        string taken = System.IO.Path.ChangeExtension(Path, Taken);
        File.Move(Path, taken);
        Path = taken;
    }

    /// <summary>Gives it back. The removal is the event that those who wait are woken by.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        try
        {
            File.Delete(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody removed the folder. Without its lock the file counts for nothing anyway.
        }

        _handle.Dispose();
    }

    private static LedgerFile Create(string path, LedgerRequest request, long ticket)
    {
        SafeFileHandle handle = Native.OpenForLock(path);
        var file = new LedgerFile(path, handle) { Ticket = ticket };
        try
        {
            if (Native.Lock(handle, Native.LockExclusive | Native.LockNonBlocking) != 0)
                throw new IOException($"Locking '{path}' failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
            Write(handle, new LedgerEntry(path, Environment.ProcessId, request));
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Write(SafeFileHandle file, LedgerEntry entry)
    {
        byte[] text = Encoding.UTF8.GetBytes(entry.ToText());
        RandomAccess.Write(file, text, 0);
        RandomAccess.SetLength(file, text.Length);
    }

    // The process alone would not do: containers that share the folder may each have the same number.
    private static string UniqueName() => $"{Environment.ProcessId}-{Random.Shared.NextInt64():x16}";

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
