using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;

namespace TestHarness.Templates;

/// <summary>
/// Takes over the disks of a saved machine, and prepares the empty overlays on them that each restored machine gets copies of.
/// </summary>
internal static class TemplateDisks
{
    private const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Takes them.</summary>
    /// <param name="machineFolder">The machine's folder.</param>
    /// <param name="snapshots">The internal snapshots that each disk has, which stay the machine's alone.</param>
    /// <param name="folder">Where the files are written.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task TakeAsync(
        string machineFolder,
        IReadOnlyCollection<string> snapshots,
        string folder,
        string finalFolder,
        CancellationToken cancellationToken
    )
    {
        string overlays = Path.Combine(folder, TemplateFiles.Overlays);
        CacheFolder.Create(overlays);
        foreach (string source in Directory.GetFiles(machineFolder, "*.qcow2"))
        {
            string disk = Path.Combine(folder, Path.GetFileName(source));
            // A copy, so that it is ours and not the user's that QEMU runs as.
            QemuFile.Copy(source, disk);
            foreach (string snapshot in snapshots)
                await QemuImage.RunAsync(["snapshot", "-q", "-d", snapshot, disk], folder, cancellationToken).ConfigureAwait(false);
            await PrepareOverlayAsync(disk, folder, finalFolder, cancellationToken).ConfigureAwait(false);
        }

        // Among the overlays, so that each machine gets a copy: the same bytes that the saved guest has seen, also after a reboot.
        string seed = Path.Combine(machineFolder, MachineFileNames.Seed);
        if (File.Exists(seed))
            QemuFile.Copy(seed, Path.Combine(overlays, MachineFileNames.Seed));
    }

    /// <summary>Makes the empty overlay on a disk of a template that is in the making, and nothing more is written to either.</summary>
    /// <param name="disk">The disk, in the folder.</param>
    /// <param name="folder">Where the files are written.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task PrepareOverlayAsync(string disk, string folder, string finalFolder, CancellationToken cancellationToken)
    {
        string name = Path.GetFileName(disk),
            overlay = Path.Combine(folder, TemplateFiles.Overlays, name);
        await QemuImage
            .RunAsync(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", disk, overlay], folder, cancellationToken)
            .ConfigureAwait(false);
        // The template is about to be renamed.
        await QemuImage
            .RunAsync(
                ["rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", Path.Combine(finalFolder, name), overlay],
                folder,
                cancellationToken
            )
            .ConfigureAwait(false);
        File.SetUnixFileMode(disk, ReadOnly);
        File.SetUnixFileMode(overlay, ReadOnly);
    }
}
