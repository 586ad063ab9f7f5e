using System.Buffers.Binary;

namespace TestHarness.MachineTests.Templates;

/// <summary>A cache of its own with a copy of a machine's image, which may be damaged.</summary>
internal sealed class ImageCopy : IDisposable
{
    // Of the first-level table: where the header says that it is (QEMU's docs/interop/qcow2.txt).
    private const int FirstLevelOffset = 40;

    public ImageCopy(string image)
    {
        Folder = Directory.CreateDirectory($"/var/tmp/th-{Guid.NewGuid():N}"[..20]).FullName;
        string copy = Directory.CreateDirectory(Path.Combine(Folder, "images/tiny", Path.GetFileName(image))).FullName;
        foreach (string file in Directory.GetFiles(image))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        Disk = Path.Combine(copy, "disk.qcow2");
    }

    public string Folder { get; }

    public string Disk { get; }

    /// <summary>Writes random bytes over the disk's header, or with -1 over its first-level table.</summary>
    public void Spoil(int at, int count)
    {
        File.SetUnixFileMode(Disk, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using FileStream disk = new(Disk, FileMode.Open, FileAccess.ReadWrite);
        var header = new byte[104];
        disk.ReadExactly(header);
        disk.Position = at >= 0 ? at : BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(FirstLevelOffset));
        var noise = new byte[count];
        Random.Shared.NextBytes(noise);
        // Never what was there, nor a harmless nothing.
        noise[0] |= 0x40;
        disk.Write(noise);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
