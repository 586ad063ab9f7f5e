using System.Globalization;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>Makes the files that a machine writes to: the overlay on the image's disk and the empty disks.</summary>
internal static class Overlay
{
    public static async Task CreateAsync(MachineSpec spec, string baseDisk, string folder, CancellationToken cancellationToken)
    {
        var disks = new List<string[]>
        {
            // -F: the format is stated, never probed (a raw disk can look like qcow2 on purpose).
            new[] { "-F", "qcow2", "-b", baseDisk, MachineFileNames.Overlay },
        };
        for (int i = 0; i < spec.Disks.Count; i++)
            disks.Add([MachineFileNames.ExtraDisk(i), string.Create(CultureInfo.InvariantCulture, $"{spec.Disks[i].SizeMiB}M")]);
        await Task.WhenAll(disks.Select(disk => CreateAsync(disk, folder, cancellationToken))).ConfigureAwait(false);
    }

    private static async Task CreateAsync(string[] arguments, string folder, CancellationToken cancellationToken)
    {
        await QemuImage.RunAsync(["create", "-q", "-f", "qcow2", .. arguments], folder, cancellationToken).ConfigureAwait(false);
        foreach (string file in Directory.GetFiles(folder, "*.qcow2"))
        {
            // qemu-img goes by the umask.
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            QemuUser.Give(file);
        }
    }
}
