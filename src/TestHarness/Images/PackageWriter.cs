using System.Formats.Tar;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>Writes a package: a tar packed by zstd, with its description first. The file appears by a rename.</summary>
/// <param name="kind">What is packed, for messages: an image, a saved machine.</param>
/// <param name="name">Its name.</param>
/// <param name="fail">Makes a failure.</param>
/// <param name="progress">Told what is done.</param>
internal sealed class PackageWriter(
    string kind,
    string name,
    Func<FailureText, Exception?, TestHarnessException> fail,
    IProgress<StartProgress>? progress
)
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Writes it.</summary>
    /// <param name="file">The package.</param>
    /// <param name="description">Name and content of its first member.</param>
    /// <param name="files">The others: what the description says of each, and where it is.</param>
    /// <param name="access">Who may read the package; <see langword="null"/>: as the umask has it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAsync(
        string file,
        (string Name, byte[] Content) description,
        IEnumerable<(DescribedFile Described, string Path)> files,
        UnixFileMode? access,
        CancellationToken cancellationToken
    )
    {
        string target = Path.GetFullPath(file),
            part = $"{target}.testharness-part";
        if (File.Exists(part))
            progress?.Report(new StartProgress(PrintableText.Of($"written over: {part}, which a process that was killed had left")));
        progress?.Report(new StartProgress($"{kind} {name}: packing"));
        string what = $"{char.ToUpperInvariant(kind[0])}{kind[1..]} '{name}'";
        bool whole = false;
        try
        {
            // Open to nobody else: a second one at the same file is refused, and what a killed one left is written over.
            using (FileStream output = new(part, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                if (access is { } mode)
                    File.SetUnixFileMode(output.SafeFileHandle, mode);
                HelperResult result = await HelperProgram
                    .RunAsync(
                        "zstd",
                        ["-q", "-T0", "-c"],
                        new HelperOptions { Feed = FeedAsync, Take = stream => stream.CopyToAsync(output, cancellationToken) },
                        cancellationToken
                    )
                    .ConfigureAwait(false);
                // A disk that can't be read ends what zstd gets, not zstd.
                if (result.ExitCode != 0 || !whole)
                    throw fail(
                        new FailureText($"{what}: packing failed.").Add(
                            "Reason",
                            whole ? $"zstd says: {result.StandardError}" : "its files could not be read to their end"
                        ),
                        null
                    );
                output.Flush(flushToDisk: true);
            }

            File.Move(part, target, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw fail(new FailureText($"{what}: the package could not be written.").Add("File", target).Add("Reason", e.Message), e);
        }
        catch
        {
            File.Delete(part);
            throw;
        }

        async Task FeedAsync(Stream stream)
        {
            using (var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true))
            {
                await WriteAsync(tar, description.Name, new MemoryStream(description.Content), cancellationToken).ConfigureAwait(false);
                foreach ((DescribedFile described, string path) in files)
                    await WriteAsync(tar, described.Name, File.OpenRead(path), cancellationToken).ConfigureAwait(false);
            }

            whole = true;
        }
    }

    private static async Task WriteAsync(TarWriter tar, string member, Stream content, CancellationToken cancellationToken)
    {
        using (content)
            await tar.WriteEntryAsync(
                    new PaxTarEntry(TarEntryType.RegularFile, member) { Mode = Mode, DataStream = content },
                    cancellationToken
                )
                .ConfigureAwait(false);
    }
}
