using TestHarness.Seeds;

namespace TestHarness.Qemu;

/// <summary>What a machine starts from; absolute paths of files that are never written to.</summary>
internal sealed record BootFiles
{
    /// <summary>The disks below the machine's overlay, the nearest first: a template's and its layers', if any, then the image's.</summary>
    public required IReadOnlyList<string> BackingDisks { get; init; }

    /// <summary>The format of the last of them; a user's disk may be raw.</summary>
    public DiskFormat LowestFormat { get; init; } = DiskFormat.Qcow2;

    /// <summary>The kernel, or <see langword="null"/> where firmware boots the disk.</summary>
    public required string? Kernel { get; init; }

    public required string? Initrd { get; init; }

    /// <summary>The UEFI firmware, or <see langword="null"/> where the machine has none.</summary>
    public UefiFirmware? Uefi { get; init; }

    /// <summary>The image's own kernel arguments.</summary>
    public required string KernelArguments { get; init; }

    /// <summary>
    /// Measures, where a kernel is booted, its arguments that depend on the host; another process may find slightly different ones.
    /// </summary>
    public Func<string> MeasuredArguments { get; init; } = () => "";

    /// <summary>Debian's name of the architecture.</summary>
    public string Architecture { get; init; } = "amd64";

    /// <summary>What is on the disk for cloud-init, or <see langword="null"/> where there is none.</summary>
    public CloudSeed? Seed { get; init; }

    /// <summary>Whether the machine has a port for the QEMU guest agent.</summary>
    public bool HasGuestAgentPort { get; init; }

    /// <summary>The file that holds the guest's memory, or <see langword="null"/> where QEMU allocates it.</summary>
    public MemoryFile? Memory { get; init; }

    /// <summary>By what QEMU reads and writes the disks' files.</summary>
    public FileIo FileIo { get; init; } = FileIo.Threads;

    /// <summary>The folders of the template and its layers that the machine's disks lie on, the nearest first; or none.</summary>
    public IReadOnlyList<string> Templates { get; init; } = [];

    /// <summary>Whether a machine that was restored boots from its disks again.</summary>
    public bool Reboots { get; init; }

    /// <summary>Whether it takes over a machine that runs in another QEMU.</summary>
    public bool Receives { get; init; }

    /// <summary>Whether the machine's state comes to it, and it does not boot.</summary>
    public bool IsRestored => Receives || (Templates.Count > 0 && !Reboots);
}
