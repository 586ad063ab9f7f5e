using System.Text.Json;
using System.Text.RegularExpressions;
using TestHarness.Hosts;
using TestHarness.Images;

namespace TestHarness.Templates;

/// <summary>The first member of a package of a saved machine: what it is, and which files belong to it.</summary>
internal sealed partial record SavedManifest
{
    public const string FileName = "saved.json";

    /// <summary>How long it may be.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private const int CurrentVersion = 1;

    // Both are read as a whole.
    private const long MostState = 256L * 1024 * 1024;
    private const long MostLog = 64L * 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new() { RespectNullableAnnotations = true };

    /// <summary>Gets the version of this format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Gets what is noted of the saved machine; the paths of its image are names of files here.</summary>
    public required SavedNote Note { get; init; }

    public required IReadOnlyList<DescribedFile> Files { get; init; }

    /// <summary>The format of the image's disk.</summary>
    public DiskFormat BaseFormat => Note.Image.LowestFormat;

    /// <summary>The name of the image's disk.</summary>
    public string BaseName => BaseFormat == DiskFormat.Raw ? TemplateFiles.RawBaseDisk : TemplateFiles.BaseDisk;

    /// <summary>The machine's disks, which lie on it or on nothing.</summary>
    public IEnumerable<string> Disks =>
        Files.Select(file => file.Name).Where(name => name.EndsWith(".qcow2", StringComparison.Ordinal) && name != TemplateFiles.BaseDisk);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>Reads a manifest that anybody may have written.</summary>
    /// <exception cref="InvalidDataException">It is none; says what is wrong.</exception>
    public static SavedManifest Parse(byte[] json)
    {
        try
        {
            SavedManifest read = JsonSerializer.Deserialize<SavedManifest>(json, Json) ?? throw new InvalidDataException("it is empty");
            return read.FindMistake() is { } mistake ? throw new InvalidDataException(mistake) : read;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    /// <summary>Which of a saved machine's files go into a package, by their names there.</summary>
    /// <param name="folder">The saved machine's folder.</param>
    public static IEnumerable<string> NamesIn(string folder) =>
        Directory
            .GetFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file))
            .Where(name => Packed().IsMatch(name))
            .Order(StringComparer.Ordinal);

    private string? FindMistake()
    {
        if (Version != CurrentVersion)
            return $"its version is {Version}, not {CurrentVersion}";
        if (!SavedStore.IsName(Note.Name))
            return "its name is none that a saved machine can have";
        if (Files.FirstOrDefault(file => !Packed().IsMatch(file.Name) || file.Size < 0 || !Sum().IsMatch(file.Sha256)) is { } bad)
            return $"it has no file '{bad.Name}' with such a size or sum";
        string[] names = [.. Files.Select(file => file.Name)];
        if (names.Distinct(StringComparer.Ordinal).Count() != names.Length)
            return "it names a file twice";
        string[] needed = [TemplateFiles.Memory, TemplateFiles.State, TemplateFiles.SerialLog(0), MachineFileNames.Overlay, BaseName];
        if (needed.FirstOrDefault(name => !names.Contains(name, StringComparer.Ordinal)) is { } missing)
            return $"it has no file '{missing}'";
        if (Note.UserFiles.Count > 0 || Note.Image.BackingFiles.Count > 0)
            return "it lies on files of another host";
        return Files.FirstOrDefault(file => file.Size > MostOf(file.Name)) is { } large ? $"'{large.Name}' has {large.Size} bytes" : null;
    }

    private static long MostOf(string name) =>
        name == TemplateFiles.State ? MostState
        : name.EndsWith(".log", StringComparison.Ordinal) ? MostLog
        : long.MaxValue;

    [GeneratedRegex(
        @"\A(memory|state|serial[0-9]?\.log|kernel|initrd|base\.raw|(base|disk|variables|extra-[0-9]{1,2})\.qcow2|"
            + @"overlays/seed\.iso|ssh/(id|id\.pub|host|host\.pub|known_hosts))\z"
    )]
    private static partial Regex Packed();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sum();
}
