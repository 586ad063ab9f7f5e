using System.Formats.Tar;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// Reads a package that anybody may have made, a tar packed by zstd: nothing is written but the files that its first member, the
/// description, names, no longer than that says and than there is room for. Each has the sum that it should have.
/// </summary>
/// <param name="file">The package.</param>
/// <param name="descriptionName">The name of its first member.</param>
/// <param name="longestDescription">How many bytes that may have.</param>
/// <param name="fail">Makes a failure.</param>
/// <param name="progress">Told what is done.</param>
internal sealed class PackageReader(
    string file,
    string descriptionName,
    int longestDescription,
    Func<FailureText, TestHarnessException> fail,
    IProgress<StartProgress>? progress
)
{
    // Headers and padding of a few entries.
    private const long Overhead = 1024 * 1024;

    // Of the file system, for whoever else writes to it.
    private const long Reserve = 64L * 1024 * 1024;

    /// <summary>Gets how many bytes are free in a folder's file system.</summary>
    public Func<string, long> FreeBytes { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;

    /// <summary>Refuses what is no package at all.</summary>
    public void RequireFile()
    {
        Prerequisites.Require(["zstd", "setpriv"]);
        if (!Native.IsOrdinaryFile(file))
            throw Refuse(File.Exists(file) || Directory.Exists(file) ? "it is not an ordinary file" : "there is no such file");
        if (LfsPointer.Is(file))
            throw Refuse(LfsPointer.Reason, LfsPointer.Remedy);
    }

    /// <summary>Unpacks it to a folder; returns its description.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="parse">Reads the description; refuses one that is not as it should be.</param>
    /// <param name="filesOf">Which files belong to it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<T> ReadAsync<T>(
        string folder,
        Func<byte[], T> parse,
        Func<T, IEnumerable<DescribedFile>> filesOf,
        CancellationToken cancellationToken
    )
        where T : class
    {
        T? description = null;
        progress?.Report(new StartProgress(PrintableText.Of($"package {Path.GetFileName(file)}: unpacking")));
        HelperResult result = await HelperProgram
            .RunAsync(
                "zstd",
                ["-q", "-d", "-c", "--", Path.GetFullPath(file)],
                new HelperOptions
                {
                    Take = async stream =>
                        description = await UnpackAsync(stream, folder, parse, filesOf, cancellationToken).ConfigureAwait(false),
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        if (result.ExitCode != 0)
            throw Refuse($"zstd says: {result.StandardError}");
        return description ?? throw Refuse("it ends too early");
    }

    public TestHarnessException Refuse(string reason, string? remedy = null) =>
        fail(new FailureText($"Package '{file}': it can't be imported.").Add("Reason", reason).Try(remedy));

    // Null where it ends too early: zstd may know why.
    private async Task<T?> UnpackAsync<T>(
        Stream stream,
        string folder,
        Func<byte[], T> parse,
        Func<T, IEnumerable<DescribedFile>> filesOf,
        CancellationToken cancellationToken
    )
        where T : class
    {
        var limited = new LimitedStream(stream, Overhead, descriptionName);
        try
        {
            var tar = new PackageTar(limited);
            if (await ReadDescriptionAsync(tar, cancellationToken).ConfigureAwait(false) is not { } json)
                return null;
            T description = parse(json);
            DescribedFile[] files = [.. filesOf(description)];
            long claimed = files.Aggregate(0L, (sum, one) => one.Size > long.MaxValue - sum ? long.MaxValue : sum + one.Size);
            long free = FreeBytes(folder) - Reserve;
            if (claimed > free)
                throw Refuse(
                    $"its files have {claimed} bytes, and {Math.Max(0, free)} are free",
                    "make room, or set TESTHARNESS_CACHE to a folder elsewhere."
                );
            limited.Limit += claimed;
            Dictionary<string, DescribedFile> missing = files.ToDictionary(one => one.Name, StringComparer.Ordinal);
            while (await tar.NextAsync(cancellationToken).ConfigureAwait(false) is { } entry)
            {
                RequirePlain(entry);
                if (!missing.Remove(entry.Name, out DescribedFile? expected))
                    throw Refuse($"it has a member '{entry.Name}', which {descriptionName} does not name, or a second time");
                if (entry.Length != expected.Size)
                    throw Refuse($"its member '{entry.Name}' has {entry.Length} bytes, not {expected.Size}");
                await ExtractAsync(entry, expected, Path.Combine(folder, expected.Name), cancellationToken).ConfigureAwait(false);
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

    private async Task<byte[]?> ReadDescriptionAsync(PackageTar tar, CancellationToken cancellationToken)
    {
        if (await tar.NextAsync(cancellationToken).ConfigureAwait(false) is not { } entry)
            return null;
        RequirePlain(entry);
        if (entry.Name != descriptionName || entry.Length == 0 || entry.Length > longestDescription)
            throw Refuse(
                $"its first member is '{entry.Name}' with {entry.Length} bytes, not {descriptionName} with at most {longestDescription}"
            );
        var json = new byte[entry.Length];
        await entry.Content.ReadExactlyAsync(json, cancellationToken).ConfigureAwait(false);
        return json;
    }

    private async Task ExtractAsync(PackageMember entry, DescribedFile expected, string path, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var part = new PartialFile(path);
        var told = new DownloadProgress(expected.Name, progress) { Verb = "unpacking" };
        await part.AppendAsync(entry.Content, length => told.Report(length, expected.Size), readLimit: null, cancellationToken)
            .ConfigureAwait(false);
        if (await part.SumAsync(cancellationToken).ConfigureAwait(false) is var found && found != expected.Sha256)
            throw fail(
                new FailureText($"Package '{file}': its member '{expected.Name}' is not what it should be.")
                    .Add("SHA-256 wanted", expected.Sha256)
                    .Add("SHA-256 found", found)
            );
    }

    private void RequirePlain(PackageMember entry)
    {
        if (entry.Type is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
            throw Refuse($"its member '{entry.Name}' is of type {entry.Type}; a package has files only");
    }
}
