namespace TestHarness.Qemu;

/// <summary>The files that a machine boots from; absolute paths, never written to.</summary>
internal sealed record BootFiles
{
    /// <summary>The image's disk in qcow2 format: the backing file of the machine's overlay.</summary>
    public required string BaseDisk { get; init; }

    public required string Kernel { get; init; }

    public required string Initrd { get; init; }

    /// <summary>The image's own kernel arguments.</summary>
    public required string KernelArguments { get; init; }

    /// <summary>Debian's name of the architecture.</summary>
    public string Architecture { get; init; } = "amd64";
}
