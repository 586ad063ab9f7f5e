using TestHarness.Hosts;
using TestHarness.Seeds;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>Writes the script that starts the same machine by hand. Pure.</summary>
internal static class ReproScript
{
    /// <summary>Makes the script: a new overlay in a folder that is thrown away, the serial console on the terminal.</summary>
    /// <param name="program">The QEMU program.</param>
    /// <param name="spec">The machine.</param>
    /// <param name="boot">What it boots from.</param>
    /// <param name="name">Its name.</param>
    /// <param name="accelerator">What runs its processors.</param>
    /// <param name="hasSetup">Whether steps were to run in it.</param>
    public static string Build(string program, MachineSpec spec, BootFiles boot, string name, Accelerator accelerator, bool hasSetup)
    {
        IEnumerable<string> disks = spec.Disks.Select(
            (disk, index) => $"qemu-img create -q -f qcow2 {MachineFileNames.ExtraDisk(index)} {disk.SizeMiB}M\n"
        );
        // By hand it boots, whatever it was restored from here.
        boot = boot with { BackingDisks = [.. boot.BackingDisks.Skip(boot.Templates.Count)], Memory = null, Templates = [] };
        string format = BlockNodes.DriverOf(boot.BackingDisks.Count == 1 ? boot.LowestFormat : DiskFormat.Qcow2);
        string uefi = boot.Uefi is null ? "" : $"{ShellQuote.Join(["qemu-img", .. Overlay.UefiCommand(boot.Uefi)])}\n";
        string seed = boot.Seed is null ? "" : SeedCommands(boot.Seed);
        string secrets = spec.Secrets.Count == 0 ? "" : "# Where *** stands in place of a secret, put the secret back first.\n";
        string setup = hasSetup ? "# The steps of its set-up are not run in it.\n" : "";
        IReadOnlyList<string> arguments = QemuArguments.Build(spec, boot, name, accelerator, MachineChannels.Terminal);
        return $"""
            #!/bin/sh
            # Starts a machine like '{name}' by hand: the same image under a new overlay, the serial console on this terminal.
            # Ctrl-a x ends it, Ctrl-a c goes to QEMU's monitor and back. For a window, put '-display gtk' at the end.
            {setup}{secrets}set -eu
            folder=$(mktemp -d)
            trap 'rm -rf "$folder"' EXIT
            cd "$folder"
            qemu-img create -q -f qcow2 -F {format} -b {ShellQuote.Quote(boot.BackingDisks[0])} {MachineFileNames.Overlay}
            {string.Concat(disks)}{uefi}{seed}{ShellQuote.Join([program, .. arguments])} "$@"

            """;
    }

    // Without the agent, whose port leads nowhere by hand.
    private static string SeedCommands(CloudSeed seed)
    {
        IEnumerable<string> files = seed.Files(seed.OwnUserData)
            .Select(file => $"printf %s {ShellQuote.Quote(file.Content)} > seed/{file.Name}\n");
        string make = ShellQuote.Join([SeedDisk.Program, .. SeedDisk.Arguments(MachineFileNames.Seed, "seed")]);
        return $"mkdir seed\n{string.Concat(files)}{make}\n";
    }
}
