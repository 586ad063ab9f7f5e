namespace TestHarness;

/// <summary>
/// The format of a disk image's file. It is stated, by the file's ending or by <see cref="MachineSpec.ImageFormat"/>, and never guessed
/// from what is in the file.
/// </summary>
public enum DiskFormat
{
    /// <summary>QEMU's own format (<c>.qcow2</c>).</summary>
    Qcow2,

    /// <summary>The disk's bytes as they are (<c>.raw</c>).</summary>
    Raw,
}
