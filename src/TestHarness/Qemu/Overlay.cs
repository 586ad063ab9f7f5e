using System.Globalization;
using TestHarness.Hosts;
using TestHarness.Images;

namespace TestHarness.Qemu;

/// <summary>Makes the files that a machine writes to: the overlay on the image's disk and the empty disks.</summary>
internal static class Overlay
{
    public static async Task CreateAsync(
        MachineSpec spec,
        GuestImage image,
        UefiFirmware? uefi,
        string folder,
        CancellationToken cancellationToken
    )
    {
        string format = BlockNodes.DriverOf(image.BackingFiles.Count == 0 ? image.LowestFormat : DiskFormat.Qcow2);
        var disks = new List<string[]>
        {
            // -F: the format is stated, never probed (a raw disk can look like qcow2 on purpose). -u with the size: qemu-img opens nobody's
            // disk, as whoever we are.
            new[]
            {
                "-u",
                "-F",
                format,
                "-b",
                image.DiskPath,
                MachineFileNames.Overlay,
                image.DiskBytes.ToString(CultureInfo.InvariantCulture),
            },
        };
        for (int i = 0; i < spec.Disks.Count; i++)
            disks.Add([MachineFileNames.ExtraDisk(i), string.Create(CultureInfo.InvariantCulture, $"{spec.Disks[i].SizeMiB}M")]);
        IEnumerable<string[]> commands = disks.Select(disk => (string[])["create", "-q", "-f", "qcow2", .. disk]);
        if (uefi is not null)
            commands = commands.Append(UefiCommand(uefi));
        await Task.WhenAll(commands.Select(command => CreateAsync(command, folder, cancellationToken))).ConfigureAwait(false);
    }

    /// <summary>The arguments of qemu-img that copy the UEFI variables; in a format that checkpoints and templates can keep.</summary>
    public static string[] UefiCommand(UefiFirmware uefi) =>
        ["convert", "-q", "-f", "raw", "-O", "qcow2", uefi.Variables, MachineFileNames.UefiVariables];

    private static async Task CreateAsync(string[] arguments, string folder, CancellationToken cancellationToken)
    {
        await QemuImage.RunAsync(arguments, folder, cancellationToken).ConfigureAwait(false);
        foreach (string file in Directory.GetFiles(folder, "*.qcow2"))
        {
            // qemu-img goes by the umask.
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            QemuUser.Give(file);
        }
    }
}
