using System.Security.Cryptography;
using System.Text.Json;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;

namespace TestHarness.Templates;

/// <summary>What a template's files are like, to tell whether they are still whole.</summary>
internal sealed record TemplateDescription(
    string Key,
    long MemoryBytes,
    DateTime MemoryTime,
    string StateHash,
    IReadOnlyDictionary<string, long> DiskBytes
)
{
    // A saved machine's has its user-data in it.
    private const int LargestFile = 4 * 1024 * 1024;

    /// <summary>What the template is a layer on, or <see langword="null"/> where it has booted.</summary>
    public LayerNote? Layer { get; init; }

    /// <summary>The addresses of its cards on networks, where it is a running machine's.</summary>
    public IReadOnlyList<string> Cards { get; init; } = [];

    /// <summary>Whether it is a running machine's, kept for its heirs alone.</summary>
    public bool IsFork { get; init; }

    /// <summary>What is noted of it where it is a saved machine, which stays until it is deleted; or <see langword="null"/>.</summary>
    public SavedNote? Saved { get; init; }

    /// <summary>What a template that lies on this one knows it by.</summary>
    public TemplateIdentity Identity => new(Key, StateHash);

    /// <summary>Describes the files of a finished template.</summary>
    public static TemplateDescription Of(string key, string folder) =>
        new(
            key,
            new FileInfo(Path.Combine(folder, TemplateFiles.Memory)).Length,
            File.GetLastWriteTimeUtc(Path.Combine(folder, TemplateFiles.Memory)),
            HashState(folder),
            Directory.GetFiles(folder, "*.qcow2").ToDictionary(path => Path.GetFileName(path), path => new FileInfo(path).Length)
        );

    public void Write(string folder) =>
        File.WriteAllBytes(Path.Combine(folder, TemplateFiles.Description), JsonSerializer.SerializeToUtf8Bytes(this));

    /// <summary>Tells whether a folder holds a template that is named after its key, whole or not.</summary>
    public static bool IsIn(string folder)
    {
        try
        {
            return TemplateFiles.IsKey(Path.GetFileName(folder))
                && new DirectoryInfo(folder).LinkTarget is null
                && !IsTooLarge(folder)
                && Read(folder)?.Key == Path.GetFileName(folder)
                && TemplateFiles.FindForeign(folder) is null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Nobody knows what it is.
            return false;
        }
    }

    /// <summary>Reads the description of a folder in the cache that has one of its own, or returns <see langword="null"/>.</summary>
    public static TemplateDescription? TryRead(string folder)
    {
        try
        {
            return !IsTooLarge(folder) && Read(folder) is { } read && read.Key == Path.GetFileName(folder) ? read : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// Returns what is wrong with a template for those that lie on it, or <see langword="null"/>: only its disks concern them.
    /// </summary>
    public static string? FindFaultBelow(TemplateIdentity expected, string folder) =>
        TryRead(folder) is not { } written ? $"the layer below it ({expected.Key}) is not there any more"
        : written.Identity != expected ? $"the layer below it ({expected.Key}) was made again"
        : written.DiskBytes.Any(disk =>
            new FileInfo(Path.Combine(folder, disk.Key)) is not { Exists: true } file || file.Length != disk.Value
        )
            ? $"a disk of the layer below it ({expected.Key}) has changed"
        : null;

    /// <summary>
    /// Returns what is wrong with a template's files, or <see langword="null"/>. Quick: hashes the state, which is small, and goes by size
    /// and time of the memory.
    /// </summary>
    public static string? FindFault(string key, string folder)
    {
        try
        {
            if (IsTooLarge(folder))
                return $"its description has more than {LargestFile} bytes";
            TemplateDescription? written = Read(folder);
            if (written is null || written.Key != key)
                return $"its description is that of another template ({written?.Key})";
            if (!File.Exists(Path.Combine(folder, TemplateFiles.Memory)))
                return "its memory has made room for others";
            TemplateDescription found = Of(key, folder);
            if (found.MemoryBytes != written.MemoryBytes || found.MemoryTime != written.MemoryTime)
                return "its memory file has changed";
            if (found.StateHash != written.StateHash)
                return "its device state has changed";
            string[] overlays =
            [
                Path.Combine(folder, MachineFileNames.Overlay),
                Path.Combine(folder, TemplateFiles.Overlays, MachineFileNames.Overlay),
            ];
            foreach (string disk in overlays)
            {
                if (QcowHeader.FindFault(disk, QcowBacking.One) is { } damage)
                    return $"{Path.GetRelativePath(folder, disk)}: {damage}";
            }

            return
                written.DiskBytes is null
                || written.DiskBytes.Any(disk => !found.DiskBytes.TryGetValue(disk.Key, out long bytes) || bytes != disk.Value)
                ? "a disk of it has changed"
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return e.Message;
        }
    }

    private static bool IsTooLarge(string folder) => new FileInfo(Path.Combine(folder, TemplateFiles.Description)).Length > LargestFile;

    private static TemplateDescription? Read(string folder) =>
        JsonSerializer.Deserialize<TemplateDescription>(File.ReadAllBytes(Path.Combine(folder, TemplateFiles.Description)));

    private static string HashState(string folder)
    {
        using FileStream state = File.OpenRead(Path.Combine(folder, TemplateFiles.State));
        return Convert.ToHexString(SHA256.HashData(state));
    }
}
