using System.Formats.Tar;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// Reads a package that anybody may have made: nothing is written but the files that its <c>machine.json</c> names, in a folder of their
/// own, no longer than that says and than there is room for. Only when all have their sums and the disk was looked at does the folder enter
/// the store, by a rename.
/// </summary>
internal sealed class DiskImport(StoredImages store, string file, IProgress<StartProgress>? progress)
{
    // Headers and padding of a few entries.
    private const long Overhead = 1024 * 1024;

    // Of the file system, for whoever else writes to it.
    private const long Reserve = 64L * 1024 * 1024;

    /// <summary>Gets how many bytes are free in a folder's file system.</summary>
    public Func<string, long> FreeBytes { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;

    /// <summary>Imports it.</summary>
    /// <param name="name">The image's name. Default: the one in the package.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">It is no package, or has something in it that a package has not; the store is as it
    /// was.</exception>
    public async Task<StoredImage> RunAsync(string? name, CancellationToken cancellationToken)
    {
        Prerequisites.Require(["zstd", "setpriv"]);
        if (name is not null)
            DiskDescription.RequireName(name);
        if (!Native.IsOrdinaryFile(file))
            throw Refuse(File.Exists(file) || Directory.Exists(file) ? "it is not an ordinary file" : "there is no such file");
        if (LfsPointer.Is(file))
            throw Refuse(LfsPointer.Reason, LfsPointer.Remedy);
        using WorkFolder work = store.Work(progress);
        DiskDescription? description = null;
        progress?.Report(new StartProgress(PrintableText.Of($"package {Path.GetFileName(file)}: unpacking")));
        HelperResult result = await HelperProgram
            .RunAsync(
                "zstd",
                ["-q", "-d", "-c", "--", Path.GetFullPath(file)],
                new HelperOptions
                {
                    Take = async stream => description = await UnpackAsync(stream, work, name, cancellationToken).ConfigureAwait(false),
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        if (result.ExitCode != 0)
            throw Refuse($"zstd says: {result.StandardError}");
        if (description is null)
            throw Refuse("it ends too early");

        ImagePull.RequireSelfContained(description.Name, Path.Combine(work.Path, description.Disk.Name), description.Format);
        return store.Add(work, description, description.Files.Select(one => Path.Combine(work.Path, one.Name)));
    }

    // Null where it ends too early: zstd may know why.
    private async Task<DiskDescription?> UnpackAsync(Stream stream, WorkFolder work, string? name, CancellationToken cancellationToken)
    {
        var limited = new LimitedStream(stream, Overhead);
        try
        {
            var tar = new PackageTar(limited);
            if (await ReadDescriptionAsync(tar, name, cancellationToken).ConfigureAwait(false) is not { } description)
                return null;
            long claimed = description.Files.Aggregate(0L, (sum, one) => one.Size > long.MaxValue - sum ? long.MaxValue : sum + one.Size);
            long free = FreeBytes(work.Path) - Reserve;
            if (claimed > free)
                throw Refuse(
                    $"its files have {claimed} bytes, and {Math.Max(0, free)} are free",
                    "make room, or set TESTHARNESS_CACHE to a folder elsewhere."
                );
            limited.Limit += claimed;
            Dictionary<string, DescribedFile> missing = description.Files.ToDictionary(one => one.Name, StringComparer.Ordinal);
            while (await tar.NextAsync(cancellationToken).ConfigureAwait(false) is { } entry)
            {
                RequirePlain(entry);
                if (!missing.Remove(entry.Name, out DescribedFile? expected))
                    throw Refuse($"it has a member '{entry.Name}', which {DiskDescription.FileName} does not name, or a second time");
                if (entry.Length != expected.Size)
                    throw Refuse($"its member '{entry.Name}' has {entry.Length} bytes, not {expected.Size}");
                await ExtractAsync(entry, expected, Path.Combine(work.Path, expected.Name), cancellationToken).ConfigureAwait(false);
            }

            if (missing.Count > 0)
                throw Refuse($"it has no member '{missing.Keys.First()}'");
            // zstd ends in its own way only when all was taken, and checks its own sum at the end.
            await limited.CopyToAsync(Stream.Null, cancellationToken).ConfigureAwait(false);
            return description;
        }
        catch (EndOfStreamException)
        {
            return null;
        }
        catch (Exception e) when (e is InvalidDataException or FormatException)
        {
            throw Refuse(e.Message);
        }
    }

    private async Task<DiskDescription?> ReadDescriptionAsync(PackageTar tar, string? name, CancellationToken cancellationToken)
    {
        if (await tar.NextAsync(cancellationToken).ConfigureAwait(false) is not { } entry)
            return null;
        RequirePlain(entry);
        if (entry.Name != DiskDescription.FileName || entry.Length is 0 or > DiskDescription.MaxBytes)
            throw Refuse(
                $"its first member is '{entry.Name}' with {entry.Length} bytes, not {DiskDescription.FileName} with at most "
                    + $"{DiskDescription.MaxBytes}"
            );
        var json = new byte[entry.Length];
        await entry.Content.ReadExactlyAsync(json, cancellationToken).ConfigureAwait(false);
        DiskDescription read;
        try
        {
            read = DiskDescription.Parse(json);
        }
        catch (InvalidDataException e)
        {
            throw Refuse($"its {DiskDescription.FileName} is malformed: {e.Message}");
        }

        if (read.Fetched)
            throw Refuse($"its {DiskDescription.FileName} says that the disk is elsewhere");
        DiskDescription.RequireName(name ?? read.Name);
        return read with { Name = name ?? read.Name };
    }

    private async Task ExtractAsync(PackageMember entry, DescribedFile expected, string path, CancellationToken cancellationToken)
    {
        var part = new PartialFile(path);
        var told = new DownloadProgress(expected.Name, progress) { Verb = "unpacking" };
        await part.AppendAsync(entry.Content, length => told.Report(length, expected.Size), readLimit: null, cancellationToken)
            .ConfigureAwait(false);
        if (await part.SumAsync(cancellationToken).ConfigureAwait(false) is var found && found != expected.Sha256)
        {
            throw new ImageException(
                file,
                new FailureText($"Package '{file}': its member '{expected.Name}' is not what it should be.")
                    .Add("SHA-256 wanted", expected.Sha256)
                    .Add("SHA-256 found", found)
            );
        }
    }

    private void RequirePlain(PackageMember entry)
    {
        if (entry.Type is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
            throw Refuse($"its member '{entry.Name}' is of type {entry.Type}; a package has files only");
    }

    private ImageException Refuse(string reason, string? remedy = null) =>
        new(file, new FailureText($"Package '{file}': it can't be imported.").Add("Reason", reason).Try(remedy));

    // What comes out of a small file may have no end.
    private sealed class LimitedStream(Stream inner, long limit) : Stream
    {
        private long _taken;

        public long Limit { get; set; } = limit;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Count(await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private int Count(int count) =>
            (_taken += count) <= Limit ? count : throw new InvalidDataException($"it has more in it than {DiskDescription.FileName} says");
    }
}
