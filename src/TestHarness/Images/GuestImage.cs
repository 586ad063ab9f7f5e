using System.Text.Json.Serialization;

namespace TestHarness.Images;

/// <summary>An image in the store: files that nobody writes again.</summary>
internal sealed record GuestImage
{
    public required string Name { get; init; }

    /// <summary>Gets the folder with the image's files.</summary>
    public required string Folder { get; init; }

    /// <summary>Gets the hash of all that the image was made from; the same recipe has the same.</summary>
    public required string Key { get; init; }

    public required string Architecture { get; init; }

    /// <summary>Gets the kernel's arguments that the image needs, such as <c>root=/dev/vda rw</c>; no consoles.</summary>
    public required string KernelArguments { get; init; }

    /// <summary>
    /// Gets what is done in a running machine of the image, before the steps of the machine's own set-up. Saved machines have it behind
    /// them.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyList<SetupStep> Setup { get; init; } = [];

    /// <summary>
    /// Gets a shell command that ends with exit code 0 once the guest is up, or <see langword="null"/> where the agent's first answer says
    /// it.
    /// </summary>
    public string? Ready { get; init; }

    /// <summary>
    /// Gets the memory in MiB without which the guest does not come up, or <see langword="null"/> where nothing is known.
    /// </summary>
    public int? MinimumMemoryMiB { get; init; }

    /// <summary>
    /// Gets a value indicating whether the agent is in the image. False: cloud-init is, and can install it; null: nothing is known.
    /// </summary>
    public bool? HasAgent { get; init; } = true;

    /// <summary>Gets the disk, by default the one that a build leaves in the folder.</summary>
    public string DiskPath
    {
        get => field ?? Path.Combine(Folder, "disk.qcow2");
        init;
    }

    /// <summary>Gets the files that the disk lies on, the nearest first.</summary>
    public IReadOnlyList<string> BackingFiles { get; init; } = [];

    /// <summary>Gets the format of the last of these, or of the disk where there are none; the others are qcow2.</summary>
    public DiskFormat LowestFormat { get; init; } = DiskFormat.Qcow2;

    /// <summary>Gets how large the guest sees the disk, in bytes.</summary>
    public long DiskBytes { get; init; }

    /// <summary>Gets the kernel, or <see langword="null"/> where the disk is booted by firmware.</summary>
    public string? KernelPath { get; init; }

    public string? InitrdPath { get; init; }

    /// <summary>Gets the files that QEMU reads.</summary>
    public IEnumerable<string> Files => ((IEnumerable<string?>)[DiskPath, .. BackingFiles, KernelPath, InitrdPath]).OfType<string>();

    /// <summary>Gets the file that lists the packages with their versions.</summary>
    public string PackagesPath => Path.Combine(Folder, "packages.txt");
}
