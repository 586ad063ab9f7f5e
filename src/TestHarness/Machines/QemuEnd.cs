namespace TestHarness.Machines;

/// <summary>What there was to be seen at the end of a QEMU.</summary>
/// <param name="ExitCode">Its exit code, 128 and the number of a signal that ended it.</param>
/// <param name="StandardError">What it wrote.</param>
internal sealed record QemuEnd(int ExitCode, string StandardError)
{
    /// <summary>Which file of its disks was cut short on the host, or <see langword="null"/>.</summary>
    public string? CutDisk { get; init; }

    /// <summary>What the host's kernel did for want of memory, or <see langword="null"/>.</summary>
    public string? OutOfMemory { get; init; }
}
