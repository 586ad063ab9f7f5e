using TestHarness.Errors;

namespace TestHarness.Images;

/// <summary>A disk that is fetched into the store ahead of time, under a name.</summary>
internal sealed record ImagePull
{
    /// <summary>Gets the disk's address.</summary>
    public required string Address { get; init; }

    public required string Sha256 { get; init; }

    public required string Name { get; init; }

    /// <summary>Gets the disk's format, or <see langword="null"/> where the address's ending says it.</summary>
    public DiskFormat? Format { get; init; }

    public string Architecture { get; init; } = "amd64";

    /// <summary>Gets the length that the publisher states, or <see langword="null"/>.</summary>
    public long? Size { get; init; }

    /// <summary>Returns the name that an address's file gives.</summary>
    public static string NameOf(string address)
    {
        string file = Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) ? Uri.UnescapeDataString(uri.AbsolutePath) : address;
        return Path.GetFileNameWithoutExtension(file);
    }

    /// <summary>Fetches it; what is there already is not fetched again.</summary>
    /// <exception cref="ImageException">It could not be fetched, has another sum, or is no disk that can be used.</exception>
    public async Task<StoredImage> RunAsync(StoredImages store, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        DiskDescription.RequireName(Name);
        var spec = new MachineSpec
        {
            Image = Address,
            ImageSha256 = Sha256,
            ImageFormat = Format,
            Firmware = Firmware.Bios,
        };
        if (ImageReference.Problems(spec).ToArray() is { Length: > 0 } problems)
            throw new ImageException(
                Address,
                new FailureText($"Image '{Address}': it can't be fetched.").Add("Reason", string.Join('\n', problems.Select(InToolsWords)))
            );

        FetchedImages fetched = Size is { } most ? store.Fetched with { MaxBytes = most } : store.Fetched;
        bool wasThere = File.Exists(fetched.PathOf(Sha256));
        string file = await fetched.GetAsync(Address, Sha256, progress, cancellationToken).ConfigureAwait(false);
        DiskFormat format = ImageReference.Of(spec).Format;
        try
        {
            long bytes = RequireSelfContained(Address, file, format);
            var description = new DiskDescription
            {
                Name = Name,
                Architecture = Architecture,
                Format = format,
                DiskBytes = bytes,
                Disk = new DescribedFile(DiskDescription.DiskName(format), new FileInfo(file).Length, Sha256.ToLowerInvariant()),
                Source = Address,
                Fetched = true,
            };
            using WorkFolder work = store.Work(progress);
            return store.Add(work, description, []);
        }
        catch (ImageException) when (!wasThere)
        {
            await fetched.DeleteAsync(Sha256, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Looks at a disk of somebody else's; returns its size.</summary>
    /// <exception cref="ImageException">It can't be used, or needs a second file.</exception>
    public static long RequireSelfContained(string image, string file, DiskFormat format)
    {
        OwnDisk disk = OwnDisk.Open(image, file, format);
        return disk.BackingFiles.Count == 0
            ? disk.Size
            : throw new ImageException(
                image,
                new FailureText($"Image '{image}': the disk can't be used.").Add(
                    "Reason",
                    $"it lies on a backing file, '{disk.BackingFiles[0]}', which does not come with it"
                )
            );
    }

    // The mistakes are those of a spec; who is at a terminal has options.
    private static string InToolsWords(string problem) =>
        problem
            .Replace("ImageFormat is missing", "--format is missing", StringComparison.Ordinal)
            .Replace("Set it to Qcow2 or Raw", "Write --format qcow2 or --format raw", StringComparison.Ordinal)
            .Replace("ImageSha256 is", "--sha256 is", StringComparison.Ordinal);
}
