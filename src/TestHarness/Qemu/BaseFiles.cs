using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace TestHarness.Qemu;

/// <summary>
/// The files that a running machine lies on: its image's, its template's. Where one of them is cut meanwhile, QEMU reads zeros and tells
/// nobody, so it is looked at here. A file that another one has taken the place of does no harm, for QEMU has the old one open.
/// </summary>
internal sealed class BaseFiles : IDisposable
{
    private readonly List<(string Path, SafeFileHandle File, long Length)> _files = [];

    private BaseFiles(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            try
            {
                SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                _files.Add((path, file, RandomAccess.GetLength(file)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                // What QEMU itself can't read it tells at its start.
            }
        }
    }

    /// <summary>Looks at what a machine is about to be started on.</summary>
    public static BaseFiles Of(BootFiles boot) =>
        new([.. boot.BackingDisks, .. boot.Memory is { Shared: false } memory ? [memory.Path] : Array.Empty<string>()]);

    /// <summary>Says which file was cut since, or returns <see langword="null"/>.</summary>
    public string? FindCut()
    {
        try
        {
            foreach ((string path, SafeFileHandle file, long length) in _files)
            {
                if (RandomAccess.GetLength(file) is var now && now < length)
                    return string.Create(
                        CultureInfo.InvariantCulture,
                        $"host disk failed: '{path}', which the machine runs on, was cut from {length} to {now} bytes meanwhile"
                    );
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The machine is over, or the file system is, which QEMU's own reads tell.
        }

        return null;
    }

    /// <summary>The files' names, for a message.</summary>
    public override string ToString() => string.Join(", ", _files.Select(file => $"'{file.Path}'"));

    public void Dispose()
    {
        foreach ((_, SafeFileHandle file, _) in _files)
            file.Dispose();
    }
}
