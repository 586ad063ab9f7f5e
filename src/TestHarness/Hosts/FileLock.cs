using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Hosts;

/// <summary>
/// An exclusive lock between processes: flock(2) on a file, so that the kernel gives it back however its owner dies.
/// The file holds who has it, for those who wait.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock, or returns <see langword="null"/> where somebody else has it.</summary>
    public static FileLock? TryTake(string path)
    {
        if (TryLock(path, Native.LockExclusive) is not { } file)
            return null;
        try
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.UTF8.GetBytes($"process {Environment.ProcessId}"), 0);
            return new FileLock(file);
        }
        catch
        {
            // A full disk: a lock that nobody knows of would be held until this process ends.
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes the lock together with any others who share it, or returns <see langword="null"/> where somebody has it alone.</summary>
    public static FileLock? TryTakeShared(string path) => TryLock(path, Native.LockShared) is { } file ? new FileLock(file) : null;

    private static SafeFileHandle? TryLock(string path, int operation)
    {
        SafeFileHandle file = Native.OpenForLock(path);
        if (Native.Lock(file, operation | Native.LockNonBlocking) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            file.Dispose();
            return error == Native.ErrorWouldBlock
                ? null
                : throw new IOException($"Locking '{path}' failed: {Marshal.GetPInvokeErrorMessage(error)}.");
        }

        return file;
    }

    /// <summary>Takes the lock, waiting for as long as it takes; <paramref name="onWait"/> is told once who has it.</summary>
    public static async Task<FileLock> TakeAsync(string path, Action<string>? onWait, CancellationToken cancellationToken)
    {
        bool told = false;
        while (true)
        {
            if (TryTake(path) is { } taken)
                return taken;
            if (!told)
            {
                told = true;
                onWait?.Invoke(ReadOwner(path));
            }

            // flock(2) has no asynchronous form that a token can end; a build takes seconds, so this costs nothing that shows.
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Says who has a lock.</summary>
    public static string ReadOwner(string path)
    {
        using SafeFileHandle file = Native.OpenForLock(path);
        var text = new byte[100];
        int count = RandomAccess.Read(file, text, 0);
        return count > 0 ? Encoding.UTF8.GetString(text, 0, count) : "another process";
    }
}
