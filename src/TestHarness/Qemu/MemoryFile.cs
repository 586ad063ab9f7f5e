using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>A file with the guest's memory.</summary>
/// <param name="Path">The file, of the memory's size.</param>
/// <param name="Shared">Whether the guest writes to the file: only while a template is made. Else its writes are its own (copy on
/// write).</param>
internal sealed record MemoryFile(string Path, bool Shared)
{
    /// <summary>Creates it empty, for a guest that writes to it. Sparse: it takes what the guest touches.</summary>
    public static MemoryFile Create(string path, long bytes)
    {
        // QEMU 7.2 wants it writable also where it only reads it (share=off).
        using (
            FileStream file = new(
                path,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }
            )
        )
        {
            file.SetLength(bytes);
        }

        QemuUser.Give(path);
        return new MemoryFile(path, Shared: true);
    }

    /// <summary>Makes it empty again.</summary>
    public void Clear()
    {
        using FileStream file = File.OpenWrite(Path);
        long bytes = file.Length;
        file.SetLength(0);
        file.SetLength(bytes);
    }
}
