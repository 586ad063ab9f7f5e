namespace TestHarness.Images;

/// <summary>
/// Reads an image's package, which anybody may have made, in a folder of its own. Only when all its files have their sums and the disk was
/// looked at does the folder enter the store, by a rename.
/// </summary>
internal sealed class DiskImport(StoredImages store, string file, IProgress<StartProgress>? progress)
{
    /// <summary>Gets how many bytes are free in a folder's file system.</summary>
    public Func<string, long> FreeBytes { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;

    /// <summary>Imports it.</summary>
    /// <param name="name">The image's name. Default: the one in the package.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">It is no package, or has something in it that a package has not; the store is as it
    /// was.</exception>
    public async Task<StoredImage> RunAsync(string? name, CancellationToken cancellationToken)
    {
        var reader = new PackageReader(
            file,
            DiskDescription.FileName,
            DiskDescription.MaxBytes,
            text => new ImageException(file, text),
            progress
        )
        {
            FreeBytes = FreeBytes,
        };
        if (name is not null)
            DiskDescription.RequireName(name);
        reader.RequireFile();
        using WorkFolder work = store.Work(progress);
        DiskDescription description = await reader
            .ReadAsync(work.Path, json => Parse(json, name, reader), one => one.Files, cancellationToken)
            .ConfigureAwait(false);
        ImagePull.RequireSelfContained(description.Name, Path.Combine(work.Path, description.Disk.Name), description.Format);
        return store.Add(work, description, description.Files.Select(one => Path.Combine(work.Path, one.Name)));
    }

    private static DiskDescription Parse(byte[] json, string? name, PackageReader reader)
    {
        DiskDescription read;
        try
        {
            read = DiskDescription.Parse(json);
        }
        catch (InvalidDataException e)
        {
            throw reader.Refuse($"its {DiskDescription.FileName} is malformed: {e.Message}");
        }

        if (read.Fetched)
            throw reader.Refuse($"its {DiskDescription.FileName} says that the disk is elsewhere");
        DiskDescription.RequireName(name ?? read.Name);
        return read with { Name = name ?? read.Name };
    }
}
