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

    public static async Task TakeAsync(string machineFolder, string folder, string finalFolder, CancellationToken cancellationToken)
    {
        string overlays = Path.Combine(folder, TemplateFiles.Overlays);
        CacheFolder.Create(overlays);
        foreach (string source in Directory.GetFiles(machineFolder, "*.qcow2"))
        {
            string name = Path.GetFileName(source);
            string disk = Path.Combine(folder, name),
                overlay = Path.Combine(overlays, name);
            // A copy, so that it is ours and not the user's that QEMU runs as.
            QemuFile.Copy(source, disk);
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

        // Among the overlays, so that each machine gets a copy: the same bytes that the saved guest has seen, also after a reboot.
        string seed = Path.Combine(machineFolder, MachineFileNames.Seed);
        if (File.Exists(seed))
            QemuFile.Copy(seed, Path.Combine(overlays, MachineFileNames.Seed));
    }
}
