using System.Runtime.InteropServices;
using System.Text;

namespace TestHarness.Hosts;

/// <summary>
/// An exclusive lock between processes: flock(2) on a file, so that the kernel gives it back however its owner dies.
/// The file holds who has it, for those who wait.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, or returns <see langword="null"/> where somebody else has it.</summary>
    public static FileLock? TryTake(string path)
    {
        // FileShare.ReadWrite keeps .NET from taking a flock of its own.
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        int result = Native.Lock((int)file.SafeFileHandle.DangerousGetHandle(), Native.LockExclusive | Native.LockNonBlocking);
        if (result != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            file.Dispose();
            return error == Native.ErrorWouldBlock
                ? null
                : throw new IOException($"Locking '{path}' failed: {Marshal.GetPInvokeErrorMessage(error)}.");
        }

        file.SetLength(0);
        file.Write(Encoding.UTF8.GetBytes($"process {Environment.ProcessId}"));
        return new FileLock(file);
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

    private static string ReadOwner(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd() is { Length: > 0 } owner ? owner : "another process";
    }
}
