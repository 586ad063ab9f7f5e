using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;

namespace TestHarness.Templates;

/// <summary>
/// Makes the disks of a saved machine lie on its image alone, and on nothing else in the cache that may go: templates, and an image that
/// the library built. That one's files get second names beside the disks; a user's own files stay where they are.
/// </summary>
internal static class SavedDisks
{
    private const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Detaches the disks in a folder that is in the making; returns the image as the saved machine has it.</summary>
    /// <param name="image">The image that the machine runs on.</param>
    /// <param name="folder">Where the files are.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HostNotReadyException">A disk could not be written.</exception>
    public static async Task<GuestImage> DetachAsync(
        GuestImage image,
        string folder,
        string finalFolder,
        CancellationToken cancellationToken
    )
    {
        DiskFormat format = image.BackingFiles.Count == 0 ? image.LowestFormat : DiskFormat.Qcow2;
        string disk = Path.Combine(folder, MachineFileNames.Overlay);
        foreach (string file in Directory.GetFiles(folder, "*.qcow2"))
        {
            if (file == disk)
                await RebaseAsync(file, image.DiskPath, format, isSame: false, cancellationToken).ConfigureAwait(false);
            else if (QcowHeader.FindFault(file, QcowBacking.Any, out QcowFacts facts) is null && facts.BackingFile is not null)
                await RebaseAsync(file, "", DiskFormat.Qcow2, isSame: false, cancellationToken).ConfigureAwait(false);
        }

        if (ImageDescription.Read(image.Folder) is null)
            return image;
        GuestImage kept = image with
        {
            Folder = finalFolder,
            DiskPath = Keep(image.DiskPath, TemplateFiles.BaseDisk),
            KernelPath = image.KernelPath is { } kernel ? Keep(kernel, TemplateFiles.Kernel) : null,
            InitrdPath = image.InitrdPath is { } initrd ? Keep(initrd, TemplateFiles.Initrd) : null,
        };
        await RebaseAsync(disk, kept.DiskPath, format, isSame: true, cancellationToken).ConfigureAwait(false);
        return kept;

        string Keep(string path, string name)
        {
            string second = Path.Combine(folder, name);
            if (!Native.TryLink(path, second))
                File.Copy(path, second);
            return Path.Combine(finalFolder, name);
        }
    }

    /// <summary>Lets a disk lie on another file.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="file">The file; empty for none.</param>
    /// <param name="format">Its format.</param>
    /// <param name="isSame">Whether that has the same content as what the disk lies on: nothing is copied then, nor is it opened.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HostNotReadyException">The disk could not be written.</exception>
    public static async Task RebaseAsync(string disk, string file, DiskFormat format, bool isSame, CancellationToken cancellationToken)
    {
        File.SetUnixFileMode(disk, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await QemuImage
            .RunAsync(
                [
                    "rebase",
                    "-q",
                    .. isSame ? (string[])["-u"] : [],
                    "-f",
                    "qcow2",
                    .. file.Length > 0 ? (string[])["-F", BlockNodes.DriverOf(format)] : [],
                    "-b",
                    file,
                    disk,
                ],
                Path.GetDirectoryName(disk)!,
                cancellationToken
            )
            .ConfigureAwait(false);
        File.SetUnixFileMode(disk, ReadOnly);
    }
}
