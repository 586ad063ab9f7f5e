using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// Writes an image as one file for other hosts: a tar packed by zstd, with <c>machine.json</c> first, then the disk, and a kernel with its
/// initrd where there are any. The file appears by a rename.
/// </summary>
internal sealed class DiskPackage(StoredImages store, IProgress<StartProgress>? progress)
{
    /// <summary>Packs an image of the store.</summary>
    public async Task WriteAsync(StoredImage image, string file, CancellationToken cancellationToken)
    {
        Prerequisites.Require(["zstd", "setpriv"]);
        GuestImage from = image.Image;
        DiskFormat format = image.Description?.Format ?? DiskFormat.Qcow2;
        var description = new DiskDescription
        {
            Name = from.Name,
            Architecture = from.Architecture,
            Format = format,
            DiskBytes = ImagePull.RequireSelfContained(from.Name, from.DiskPath, format),
            Disk = await DescribedFile.OfAsync(from.DiskPath, DiskDescription.DiskName(format), cancellationToken).ConfigureAwait(false),
            Kernel = from.KernelPath is { } kernel
                ? await DescribedFile.OfAsync(kernel, Path.GetFileName(kernel), cancellationToken).ConfigureAwait(false)
                : null,
            Initrd = from.InitrdPath is { } initrd
                ? await DescribedFile.OfAsync(initrd, "initrd", cancellationToken).ConfigureAwait(false)
                : null,
            KernelArguments = from.KernelArguments,
            Agent = from.HasAgent == true,
            Source = image.Description?.Source,
        };
        await PackAsync(
                description,
                [.. ((string?[])[from.DiskPath, from.KernelPath, from.InitrdPath]).OfType<string>()],
                file,
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>Packs a disk of the user's own: as one qcow2 file, whatever it lies on.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="stated">Its format, or <see langword="null"/> where its ending says it.</param>
    /// <param name="name">The image's name.</param>
    /// <param name="file">The package.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteDiskAsync(string disk, DiskFormat? stated, string name, string file, CancellationToken cancellationToken)
    {
        Prerequisites.Require(["zstd", "setpriv", "qemu-img"]);
        DiskDescription.RequireName(name);
        var spec = new MachineSpec
        {
            Image = disk,
            ImageFormat = stated,
            Firmware = Firmware.Bios,
        };
        if (ImageReference.Of(spec) is not { Kind: ImageKind.File, Format: var format } || ImageReference.Problems(spec).Any())
        {
            throw new ImageException(
                disk,
                new FailureText($"'{disk}' is neither an image that is there nor a disk whose format is known.").Try(
                    "testvm image list; or a disk's path with the ending .qcow2 or .raw, or with --format qcow2."
                )
            );
        }

        GuestImage own = OwnImage.Open(spec, disk, format);
        using WorkFolder work = store.Work(progress);
        string flat = Path.Combine(work.Path, DiskDescription.DiskName(DiskFormat.Qcow2));
        progress?.Report(new StartProgress($"image {name}: one file is made of its disk"));
        // It takes QEMU's own lock, so a disk that a machine writes is refused.
        HelperResult result = await HelperProgram
            .RunAsync(
                "qemu-img",
                ["convert", "-f", format == DiskFormat.Raw ? "raw" : "qcow2", "-O", "qcow2", own.DiskPath, flat],
                null,
                cancellationToken
            )
            .ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            throw new ImageException(
                disk,
                new FailureText($"Image '{disk}': no single file could be made of its disk.")
                    .Add("qemu-img says", result.StandardError)
                    .Try(
                        BuildFolder.RemedyFor(result.StandardError)
                            ?? (result.StandardError.Contains("lock", StringComparison.Ordinal) ? "stop the machine that uses it." : null)
                    )
            );
        }

        var description = new DiskDescription
        {
            Name = name,
            Architecture = own.Architecture,
            Format = DiskFormat.Qcow2,
            DiskBytes = own.DiskBytes,
            Disk = await DescribedFile.OfAsync(flat, Path.GetFileName(flat), cancellationToken).ConfigureAwait(false),
        };
        await PackAsync(description, [flat], file, cancellationToken).ConfigureAwait(false);
    }

    private Task PackAsync(DiskDescription description, string[] files, string file, CancellationToken cancellationToken) =>
        new PackageWriter(
            "image",
            description.Name,
            (text, reason) => new ImageException(description.Name, text, reason),
            progress
        ).WriteAsync(file, (DiskDescription.FileName, description.ToJson()), description.Files.Zip(files), access: null, cancellationToken);
}
