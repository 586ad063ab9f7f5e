using System.Text.Json;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>The file <c>image.json</c> of an image in the store.</summary>
internal sealed record ImageDescription
{
    public const string FileName = "image.json";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public required string Name { get; init; }

    public required string Architecture { get; init; }

    public required string KernelArguments { get; init; }

    public string? Ready { get; init; }

    public bool Agent { get; init; } = true;

    public int? MinimumMemoryMiB { get; init; }

    public required DateTimeOffset Built { get; init; }

    /// <summary>Gets the size of each file: one that a power cut has shortened is not taken for whole.</summary>
    public required IReadOnlyDictionary<string, long> Files { get; init; }

    /// <summary>Completes an image: writes the description, and makes all files read-only.</summary>
    public static void Write(string folder, Recipe recipe, string name)
    {
        var description = new ImageDescription
        {
            Name = name,
            Architecture = recipe.Architecture,
            KernelArguments = recipe.Kernel.Arguments,
            Ready = recipe.Ready,
            Agent = recipe.Agent,
            MinimumMemoryMiB = recipe.MinimumMemoryMiB,
            Built = Clock.System.GetUtcNow(),
            Files = new DirectoryInfo(folder).GetFiles().ToDictionary(file => file.Name, file => file.Length),
        };
        File.WriteAllBytes(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(description, Json));
        foreach (string file in Directory.GetFiles(folder))
        {
            using (FileStream stream = new(file, FileMode.Open, FileAccess.ReadWrite))
                stream.Flush(flushToDisk: true);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }
    }

    /// <summary>Reads an image, or returns <see langword="null"/> where it is not whole.</summary>
    public static GuestImage? Read(string folder)
    {
        try
        {
            ImageDescription? description = JsonSerializer.Deserialize<ImageDescription>(
                File.ReadAllBytes(Path.Combine(folder, FileName)),
                Json
            );
            if (
                description is null
                || description.Files.Any(file =>
                    new FileInfo(Path.Combine(folder, file.Key)) is not { Exists: true } info || info.Length != file.Value
                )
            )
                return null;
            return new GuestImage
            {
                Name = description.Name,
                Folder = folder,
                Key = Path.GetFileName(folder),
                Architecture = description.Architecture,
                KernelArguments = description.KernelArguments,
                Ready = description.Ready,
                HasAgent = description.Agent,
                MinimumMemoryMiB = description.MinimumMemoryMiB,
                KernelPath = Path.Combine(folder, "vmlinux"),
                InitrdPath = Path.Combine(folder, "initrd"),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Not there, or not whole: to be built.
            return null;
        }
    }
}
