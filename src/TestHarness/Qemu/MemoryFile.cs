using TestHarness.Errors;
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

    /// <summary>Copies one, for a guest that writes to the copy; what is zero in it takes no room.</summary>
    /// <exception cref="HostNotReadyException">There is no room for it.</exception>
    public static async Task CopyAsync(string source, string path, CancellationToken cancellationToken)
    {
        HelperResult copied = await HelperProgram
            .RunAsync("cp", ["--sparse=always", "--reflink=auto", "--", source, path], null, cancellationToken)
            .ConfigureAwait(false);
        if (copied.ExitCode != 0)
            throw new HostNotReadyException(
                new FailureText($"The memory of a warm template could not be copied to '{path}'.")
                    .Add("Reason", copied.StandardError)
                    .Try("make room there, or set TESTHARNESS_CACHE to a folder with more.")
            );
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        QemuUser.Give(path);
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
