namespace TestHarness.MachineTests.Images;

/// <summary>A folder for disks, which the user that QEMU runs as can reach.</summary>
internal sealed class OpenFolder : IDisposable
{
    private const UnixFileMode Readable =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    public OpenFolder()
    {
        Directory.CreateDirectory(Path);
        File.SetUnixFileMode(Path, Readable);
    }

    public string Path { get; } = $"/var/tmp/th-disks-{Guid.NewGuid():N}"[..26];

    public string this[string file] => System.IO.Path.Combine(Path, file);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
