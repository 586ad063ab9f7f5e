using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// Recognises what a file is that was stated to be a raw disk: another format's bytes would reach the guest as its disk. Only to refuse; a
/// format is never taken from this.
/// </summary>
internal static class DiskSignature
{
    /// <summary>How much of a file's beginning is looked at.</summary>
    public const int Length = 512;

    private static readonly (int At, byte[] Bytes, string Format, string Remedy)[] Known =
    [
        (0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 2], "qcow2", "set MachineSpec.ImageFormat to Qcow2, or give the file the ending .qcow2."),
        (0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3], "qcow2", "set MachineSpec.ImageFormat to Qcow2, or give the file the ending .qcow2."),
        (0, [0x51, 0x46, 0x49, 0xfb], "qcow", Convert("qcow")),
        (0, "QED\0"u8.ToArray(), "QED", Convert("qed")),
        (0, "KDMV"u8.ToArray(), "VMDK", Convert("vmdk")),
        (0, "COWD"u8.ToArray(), "VMDK", Convert("vmdk")),
        (0, "# Disk DescriptorFile"u8.ToArray(), "VMDK", Convert("vmdk")),
        (0, "vhdxfile"u8.ToArray(), "VHDX", Convert("vhdx")),
        (0, "conectix"u8.ToArray(), "VHD", Convert("vpc")),
        (0x40, [0x7f, 0x10, 0xda, 0xbe], "VDI", Convert("vdi")),
        (0, "WithoutFreeSpace"u8.ToArray(), "Parallels", Convert("parallels")),
        (0, "WithouFreSpacExt"u8.ToArray(), "Parallels", Convert("parallels")),
        (0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe], "LUKS (it is encrypted)", "decrypt it, for the library has no key."),
        (0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz (it is packed)", "unpack it: xz -dk FILE."),
        (0, [0x1f, 0x8b], "gzip (it is packed)", "unpack it: gzip -dk FILE."),
        (0, [0x28, 0xb5, 0x2f, 0xfd], "zstd (it is packed)", "unpack it: zstd -d FILE."),
        (0, "PK\u0003\u0004"u8.ToArray(), "zip (it is packed)", "unpack it: unzip FILE."),
    ];

    /// <summary>
    /// Names the format that a file's beginning has, with what to do about it; <see langword="null"/> where it is none of these.
    /// </summary>
    public static (string Format, string Remedy)? Find(ReadOnlySpan<byte> start)
    {
        foreach ((int at, byte[] bytes, string format, string remedy) in Known)
        {
            if (start.Length >= at + bytes.Length && start[at..].StartsWith(bytes))
                return (format, remedy);
        }

        return LfsPointer.Is(start) ? ("a pointer of Git LFS (its content was not fetched)", LfsPointer.Remedy) : null;
    }

    private static string Convert(string driver) => $"convert it: qemu-img convert -f {driver} -O qcow2 FILE FILE.qcow2.";
}
