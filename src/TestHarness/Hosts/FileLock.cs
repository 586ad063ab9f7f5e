using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// An exclusive lock between processes: flock(2) on a file, so that the kernel gives it back however its owner dies.
/// The file holds who has it, for those who wait.
/// </summary>
internal sealed class FileLock : IDisposable
{
    // Begins what the file holds, and tells it from a file of somebody else's that has the same name.
    private const string Mark = "process ";

    // flock(2) has no asynchronous form that a token can end; what is waited for takes seconds, so this costs nothing that shows.
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock, or returns <see langword="null"/> where somebody else has it.</summary>
    public static FileLock? TryTake(string path)
    {
        if (TryLock(path, Native.OpenForLock(path), Native.LockExclusive) is not { } file)
            return null;
        try
        {
            if (ReadText(file) is { Length: > 0 } text && !text.StartsWith(Mark, StringComparison.Ordinal))
                throw new IOException($"'{path}' is in the way: it is a file of somebody else's, and no lock.");
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.UTF8.GetBytes($"{Mark}{Environment.ProcessId}"), 0);
            return new FileLock(file);
        }
        catch
        {
            // A full disk: a lock that nobody knows of would be held until this process ends.
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes the lock together with any others who share it, or returns <see langword="null"/> where somebody has it alone. The file is
    /// there, and is not written to.
    /// </summary>
    public static FileLock? TryTakeShared(string path) =>
        TryLock(path, Native.OpenForSharedLock(path), Native.LockShared) is { } file ? new FileLock(file) : null;

    /// <summary>
    /// Takes a folder itself, waiting for as long as it takes: where a new file would be in the way of a library of another version.
    /// </summary>
    public static async Task<FileLock> TakeFolderAsync(string folder, Action? onWait, CancellationToken cancellationToken)
    {
        for (bool told = false; ; told = true)
        {
            if (TryLock(folder, Native.OpenForSharedLock(folder), Native.LockExclusive) is { } taken)
                return new FileLock(taken);
            if (!told)
                onWait?.Invoke();
            await Clock.System.Delay(BetweenLooks, cancellationToken).ConfigureAwait(false);
        }
    }

    private static SafeFileHandle? TryLock(string path, SafeFileHandle file, int operation)
    {
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

            await Clock.System.Delay(BetweenLooks, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Says who has a lock.</summary>
    public static string ReadOwner(string path)
    {
        using SafeFileHandle file = Native.OpenForLock(path);
        return ReadText(file) is { Length: > 0 } text ? text : "another process";
    }

    /// <summary>Tells whether a file is a lock that somebody has or had.</summary>
    public static bool IsMarked(string path)
    {
        if (!Native.IsOrdinaryFile(path))
            return false;
        // Not by .NET, which takes a lock of its own, and fails where somebody has this one.
        using SafeFileHandle file = Native.OpenForLock(path);
        return ReadText(file).StartsWith(Mark, StringComparison.Ordinal);
    }

    private static string ReadText(SafeFileHandle file)
    {
        var text = new byte[100];
        return Encoding.UTF8.GetString(text, 0, RandomAccess.Read(file, text, 0));
    }
}
