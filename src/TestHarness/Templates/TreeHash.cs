using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using TestHarness.Hosts;

namespace TestHarness.Templates;

/// <summary>
/// Hashes a file or folder of the host as a push takes it: names, permissions, links and bytes; not the times, which every build sets anew,
/// and not the owners, whom a push does not keep. A file's bytes are read once, and again when its size, times or inode differ.
/// </summary>
internal static class TreeHash
{
    private static readonly ConcurrentDictionary<string, (string Identity, long Length, string Hash)> Known = new(StringComparer.Ordinal);

    /// <summary>Makes the hash.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="followsLinks">Whether what a link leads to is taken in its place.</param>
    /// <exception cref="IOException">Something in it can't be read.</exception>
    public static string Of(string path, bool followsLinks)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = new List<string>();
        Collect(path, "", followsLinks, [], files);
        foreach (string line in files.Order(StringComparer.Ordinal))
            hash.AppendData(Encoding.UTF8.GetBytes(line));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // One line for each, with a zero between the name, which may have anything else in it, and what it is.
    private static void Collect(string path, string name, bool followsLinks, HashSet<string> above, List<string> lines)
    {
        FileStatus status = (followsLinks ? Native.StatusOf(path) : Native.StatusOfItself(path))
            ?? throw new FileNotFoundException($"'{path}' can't be read: it is not there, or a link that leads nowhere.", path);
        if (status.IsLink)
        {
            lines.Add($"{name}\0link {new FileInfo(path).LinkTarget}\n");
            return;
        }

        lines.Add($"{name}\0{status.Type} {status.Permissions} {(status.IsPlainFile ? HashOf(path, status) : "")}\n");
        // A folder that a link in it leads back to has no end.
        if (!status.IsFolder || !above.Add(status.Identity))
            return;
        foreach (string entry in Directory.EnumerateFileSystemEntries(path))
            Collect(entry, $"{name}/{Path.GetFileName(entry)}", followsLinks, above, lines);
        above.Remove(status.Identity);
    }

    private static string HashOf(string path, FileStatus status)
    {
        long length = new FileInfo(path).Length;
        if (Known.TryGetValue(path, out var known) && (known.Identity, known.Length) == (status.Identity, length))
            return known.Hash;
        using FileStream file = File.OpenRead(path);
        string hash = Convert.ToHexStringLower(SHA256.HashData(file));
        Known[path] = (status.Identity, length, hash);
        return hash;
    }
}
