using System.Security.Cryptography;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// A file that is not whole yet, with a note beside it of which version of the source it is a part of. What is zero takes no room on the
/// disk.
/// </summary>
internal sealed class PartialFile(string path)
{
    private const int BlockSize = 64 * 1024;

    private string NotePath => $"{path}.version";

    /// <summary>Gets how many bytes are there.</summary>
    public long Length => File.Exists(path) ? new FileInfo(path).Length : 0;

    /// <summary>
    /// Gets or sets the version that the bytes belong to: what the server calls it; <see langword="null"/> where that is not known.
    /// </summary>
    public string? Version
    {
        get => File.Exists(NotePath) ? File.ReadAllText(NotePath) : null;
        set
        {
            if (value is null)
                File.Delete(NotePath);
            else
                File.WriteAllText(NotePath, value);
        }
    }

    /// <summary>Deletes what is there.</summary>
    public void Delete()
    {
        File.Delete(path);
        File.Delete(NotePath);
    }

    /// <summary>Adds what a stream brings, to its end; what had come before a failure is kept.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="received">Told the length after each piece.</param>
    /// <param name="readLimit">How long the next bytes may take, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="TimeoutException">The next bytes took longer.</exception>
    public async Task AppendAsync(Stream source, Action<long> received, TimeSpan? readLimit, CancellationToken cancellationToken)
    {
        // No buffer: what has come is there for the next one, also when this process is killed.
        using FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        long length = file.Seek(0, SeekOrigin.End);
        try
        {
            var block = new byte[BlockSize];
            int count;
            while ((count = await ReadAsync(source, block, readLimit, cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (block.AsSpan(0, count).ContainsAnyExcept((byte)0))
                    await file.WriteAsync(block.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                else
                    file.Seek(count, SeekOrigin.Current);
                length += count;
                received(length);
            }
        }
        finally
        {
            // Zeros at the end are not written either, and of a write that failed nobody knows how much is there.
            file.SetLength(length);
        }
    }

    /// <summary>Returns the SHA-256 of what is there.</summary>
    public async Task<string> SumAsync(CancellationToken cancellationToken)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Makes it the finished file: on the disk, and read-only.</summary>
    public void MoveTo(string target)
    {
        using (FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite))
            file.Flush(flushToDisk: true);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        File.Move(path, target);
        File.Delete(NotePath);
    }

    private static async ValueTask<int> ReadAsync(Stream source, byte[] block, TimeSpan? readLimit, CancellationToken cancellationToken)
    {
        if (readLimit is not { } limit)
            return await source.ReadAtLeastAsync(block, block.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        using Deadline wait = Clock.System.Limit(limit, cancellationToken);
        try
        {
            return await source.ReadAsync(block, wait.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"nothing came for {limit.TotalSeconds:0.#} s", e);
        }
    }
}
