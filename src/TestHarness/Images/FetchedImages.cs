using System.Security.Cryptography;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// Keeps disks that were fetched, as <c>sha256/&lt;sum&gt;</c>: whole, checked, and read-only. A disk is fetched once, however many
/// processes ask; it comes under another name, which stays when the connection is cut, so that the next one goes on from there, and appears
/// by a rename.
/// </summary>
internal sealed record FetchedImages(string Root)
{
    // Of the file system, for whoever else writes to it.
    private const long Reserve = 64L * 1024 * 1024;

    private static readonly TimeSpan Abandoned = TimeSpan.FromDays(14);

    private string Folder => Path.Combine(Root, "sha256");

    /// <summary>Gets how long a download may take, with the wait for another process that fetches the same.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Gets how long a server may be silent.</summary>
    public TimeSpan StallLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets how long is waited before the first attempt to go on; twice as long before each further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets how long the file may be. Default: as long as it is.</summary>
    public long MaxBytes { get; init; } = long.MaxValue;

    /// <summary>Returns where a file of this sum is, or would be.</summary>
    public string PathOf(string sum) => Path.Combine(Folder, sum.ToLowerInvariant());

    /// <summary>Lists the sums of the files that are there.</summary>
    public IEnumerable<string> Sums() =>
        !Directory.Exists(Folder)
            ? []
            : Directory.GetFiles(Folder).Select(file => Path.GetFileName(file)).Where(IsSum).Order(StringComparer.Ordinal);

    /// <summary>Deletes a file.</summary>
    public async Task DeleteAsync(string sum, CancellationToken cancellationToken)
    {
        string file = PathOf(sum);
        if (!File.Exists(file))
            return;
        // Who has the lock of a file that is there gives it back at once.
        using FileLock exclusive = await CacheFolder.LockAsync($"{file}.lock", onWait: null, cancellationToken).ConfigureAwait(false);
        File.Delete(file);
    }

    /// <summary>Returns the file.</summary>
    /// <exception cref="ImageException">It could not be fetched, or has another sum.</exception>
    public async Task<string> GetAsync(string image, string sum, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        sum = sum.ToLowerInvariant();
        string file = PathOf(sum);
        if (File.Exists(file))
            return file;
        using Deadline limit = Clock.System.Limit(Limit, cancellationToken);
        try
        {
            return await FetchOnceAsync(image, sum, file, progress, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': it was not there within {Limit.TotalMinutes} minutes.")
                    .Add("Waited for", "the download, here or by another process")
                    .Try("start again: what has come is kept, and the download goes on from there."),
                e
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': the file could not be stored.")
                    .Add("File", file)
                    .Add("Reason", e.Message)
                    .Try(BuildFolder.RemedyFor(e.Message)),
                e
            );
        }
    }

    private async Task<string> FetchOnceAsync(
        string image,
        string sum,
        string file,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        CacheFolder.Create(Folder);
        using FileLock exclusive = await CacheFolder
            .LockAsync(
                $"{file}.lock",
                owner => progress?.Report(new StartProgress($"image {image}: waiting for {owner}, which fetches it")),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (File.Exists(file))
            return file;
        Sweep();

        var address = new Uri(image);
        var part = new PartialFile($"{file}.part");
        if (part.Length > 0)
            progress?.Report(new StartProgress($"image {image}: {part.Length} bytes are there from a download that was cut"));
        if (address.IsFile)
            await CopyAsync(image, address.LocalPath, part, progress, cancellationToken).ConfigureAwait(false);
        else
            await new Download(image, address, part, progress)
            {
                StallLimit = StallLimit,
                RetryDelay = RetryDelay,
                MaxBytes = Math.Min(MaxBytes, part.Length + Math.Max(0, new DriveInfo(Folder).AvailableFreeSpace - Reserve)),
            }
                .RunAsync(cancellationToken)
                .ConfigureAwait(false);

        progress?.Report(new StartProgress($"image {image}: checking its sum"));
        string found = await part.SumAsync(cancellationToken).ConfigureAwait(false);
        if (found != sum)
        {
            bool isPointer = LfsPointer.Is($"{file}.part");
            part.Delete();
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': it is not what it should be.")
                    .Add("SHA-256 wanted", sum)
                    .Add("SHA-256 found", found)
                    .Add("Reason", isPointer ? LfsPointer.Reason : null)
                    .Try(
                        isPointer
                            ? "the address of the content itself; where it is a file: git lfs pull."
                            : "give the sum that the image's publisher names (MachineSpec.ImageSha256, --sha256); where it is "
                                + "that already, what was fetched is damaged or another image."
                    )
            );
        }

        part.MoveTo(file);
        return file;
    }

    // A copy, so that what was checked is what is used, whoever writes to the file afterwards.
    private static async Task CopyAsync(
        string image,
        string source,
        PartialFile part,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        if (Native.StatusOf(source) is var status && status is not { IsPlainFile: true })
        {
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': the file can't be used.")
                    .Add("File", source)
                    .Add("Reason", status is { } other ? $"it is {other.Type}, not a file" : "there is no such file")
            );
        }

        part.Delete();
        using FileStream from = File.OpenRead(source);
        var told = new DownloadProgress(image, progress);
        await part.AppendAsync(from, length => told.Report(length, from.Length), readLimit: null, cancellationToken).ConfigureAwait(false);
    }

    private static bool IsSum(string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower);

    // Downloads that were cut and that nobody came back for.
    private void Sweep()
    {
        foreach (
            string part in Directory
                .GetFiles(Folder, "*.part")
                .Where(part =>
                    IsSum(Path.GetFileNameWithoutExtension(part))
                    && Clock.System.GetUtcNow().UtcDateTime - File.GetLastWriteTimeUtc(part) > Abandoned
                )
        )
        {
            using FileLock? free = FileLock.TryTake(Path.ChangeExtension(part, ".lock"));
            if (free is not null)
                new PartialFile(part).Delete();
        }
    }
}
