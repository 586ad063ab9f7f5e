namespace TestHarness.Qemu;

/// <summary>
/// By what QEMU reads and writes the files of disks (<c>aio</c> of the block driver <c>file</c>). A checkpoint is saved and loaded in
/// pieces of 32 KiB, and with threads each piece costs two switches between them: io_uring makes a rollback more than twice as fast.
/// Containers and careful hosts forbid it to their processes.
/// </summary>
/// <param name="Aio">QEMU's word; <see langword="null"/>: by threads, which is its default.</param>
/// <param name="Obstacle">Why it is not io_uring, as a clause; else <see langword="null"/>.</param>
internal sealed record FileIo(string? Aio, string? Obstacle)
{
    private const string IoUring = "io_uring";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private static readonly string[] Disk =
    [
        "-blockdev",
        $$"""{"driver":"file","node-name":"disk","filename":"{{AcceleratorProbe.GuestFile}}","read-only":true,"aio":"{{IoUring}}"}""",
    ];

    /// <summary>Gets what works everywhere.</summary>
    public static FileIo Threads { get; } = new(null, null);

    /// <summary>Chooses; proves io_uring with a disk of the probe guest, once for each boot of the host and each QEMU.</summary>
    public static async Task<FileIo> ChooseAsync(AcceleratorHost host, AcceleratorChoice accelerator, CancellationToken cancellationToken)
    {
        AcceleratorProof proof = await host.ProveAsync(accelerator.Accelerator, "", accelerator.DeviceGroup, Disk, Limit, cancellationToken)
            .ConfigureAwait(false);
        return proof.Fault is { } fault ? Threads with { Obstacle = fault } : new FileIo(IoUring, null);
    }
}
