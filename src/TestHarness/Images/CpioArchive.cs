using System.Globalization;
using System.Text;

namespace TestHarness.Images;

/// <summary>
/// Writes the archive that Linux unpacks as its first root: cpio's "newc" format
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
/// </summary>
internal sealed class CpioArchive(Stream output)
{
    private const int Folder = 0x4000;
    private const int RegularFile = 0x8000;
    private const int Link = 0xa000;

    private long _position;
    private int _inode = 1;

    public void AddFolder(string path) => Add(path, Folder | 0x1ed, []);

    public void AddFile(string path, ReadOnlySpan<byte> content, UnixFileMode mode) => Add(path, RegularFile | (int)mode, content);

    public void AddLink(string path, string target) => Add(path, Link | 0x1ff, Encoding.UTF8.GetBytes(target));

    /// <summary>Writes the end mark.</summary>
    public void Finish() => Add("TRAILER!!!", 0, []);

    private void Add(string path, int mode, ReadOnlySpan<byte> content)
    {
        byte[] name = Encoding.UTF8.GetBytes(path + '\0');
        int links =
            mode == 0 ? 1
            : (mode & Folder) != 0 && (mode & RegularFile) == 0 ? 2
            : 1;
        int[] fields = [mode == 0 ? 0 : _inode++, mode, 0, 0, links, 0, content.Length, 0, 0, 0, 0, name.Length, 0];
        string header = "070701" + string.Concat(fields.Select(field => field.ToString("X8", CultureInfo.InvariantCulture)));
        Write(Encoding.ASCII.GetBytes(header));
        Write(name);
        Pad();
        Write(content);
        Pad();
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        _position += bytes.Length;
    }

    private void Pad() => Write(new byte[(4 - (_position % 4)) % 4]);
}
