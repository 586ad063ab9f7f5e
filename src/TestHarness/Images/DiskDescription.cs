using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using TestHarness.Errors;

namespace TestHarness.Images;

/// <summary>
/// The file <c>machine.json</c> beside a disk, in the store and in a package: what the disk is, and what it is booted with.
/// </summary>
internal sealed partial record DiskDescription
{
    public const string FileName = "machine.json";

    /// <summary>How long the file may be.</summary>
    public const int MaxBytes = 64 * 1024;

    private const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <summary>Gets the version of this format.</summary>
    public int Version { get; init; } = CurrentVersion;

    public required string Name { get; init; }

    public required string Architecture { get; init; }

    public required DiskFormat Format { get; init; }

    /// <summary>Gets how large the guest sees the disk, in bytes.</summary>
    public required long DiskBytes { get; init; }

    public required DescribedFile Disk { get; init; }

    /// <summary>Gets the kernel; none where a boot loader is on the disk.</summary>
    public DescribedFile? Kernel { get; init; }

    public DescribedFile? Initrd { get; init; }

    public string KernelArguments { get; init; } = "";

    /// <summary>Gets a value indicating whether the library's agent is in the image.</summary>
    public bool Agent { get; init; }

    /// <summary>Gets where it came from; for people.</summary>
    public string? Source { get; init; }

    /// <summary>Gets a value indicating whether the disk is among the fetched ones, by its sum, and not beside this file.</summary>
    public bool Fetched { get; init; }

    public DateTimeOffset? Added { get; init; }

    /// <summary>Gets the hash of all that it says but for when it came.</summary>
    [JsonIgnore]
    public string Key => Convert.ToHexStringLower(SHA256.HashData((this with { Added = null }).ToJson()))[..16];

    /// <summary>Gets the files that belong to it, the disk first.</summary>
    [JsonIgnore]
    public IEnumerable<DescribedFile> Files => ((DescribedFile?[])[Disk, Kernel, Initrd]).OfType<DescribedFile>();

    /// <summary>Tells whether a folder is named after a key.</summary>
    public static bool IsKey(string name) => KeyPattern().IsMatch(name);

    /// <summary>Returns the name that a disk of a format has in the store and in a package.</summary>
    public static string DiskName(DiskFormat format) => format == DiskFormat.Raw ? "disk.raw" : "disk.qcow2";

    /// <summary>
    /// Tells whether an image may be named so: a name that is neither a recipe's nor looks like a path, an address or a disk's file.
    /// </summary>
    public static bool IsName(string name) =>
        NamePattern().IsMatch(name)
        && !RecipeSource.EmbeddedNames.Contains(name, StringComparer.Ordinal)
        && !((string[])[".qcow2", ".raw", ".img"]).Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    /// <summary>Refuses a name that an image can't have.</summary>
    public static void RequireName(string name)
    {
        if (!IsName(name))
        {
            throw new ImageException(
                name,
                new FailureText($"An image can't be named '{name}'.")
                    .Add(
                        "Names",
                        $"up to 64 of letters, digits, '.', '_' and '-', none of {string.Join(", ", RecipeSource.EmbeddedNames)}, "
                            + "not with the ending of a disk"
                    )
                    .Try("--name NAME")
            );
        }
    }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>Reads a description.</summary>
    /// <exception cref="InvalidDataException">It is none; says what is wrong.</exception>
    public static DiskDescription Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            DiskDescription read = JsonSerializer.Deserialize<DiskDescription>(json, Json) ?? throw new InvalidDataException("it is empty");
            return read.Problem() is { } problem ? throw new InvalidDataException(problem) : read;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    private string? Problem()
    {
        if (Version != CurrentVersion)
            return $"its version is {Version}, not {CurrentVersion}";
        if (Name is null || Architecture is null || Disk is null || KernelArguments is null)
            return "a member that it needs is null";
        if (!IsName(Name) && !RecipeSource.EmbeddedNames.Contains(Name, StringComparer.Ordinal))
            return $"its name is '{Name}', which no image can have";
        if (!ArchitecturePattern().IsMatch(Architecture))
            return $"its architecture is '{Architecture}'";
        if (Disk.Name != DiskName(Format))
            return $"its disk is '{Disk.Name}', not '{DiskName(Format)}'";
        if (Kernel is { Name: not ("vmlinux" or "vmlinuz") })
            return $"its kernel is '{Kernel.Name}', not 'vmlinux' or 'vmlinuz'";
        if (Initrd is { Name: not "initrd" })
            return $"its initrd is '{Initrd.Name}', not 'initrd'";
        if (Kernel is null && (Initrd is not null || KernelArguments.Length > 0))
            return "it has an initrd or arguments for a kernel, but no kernel";
        if (KernelArguments.Any(char.IsControl))
            return "the kernel's arguments have a control character in them";
        return Files.FirstOrDefault(file => file.Size <= 0 || file.Sha256 is null || !SumPattern().IsMatch(file.Sha256)) is { } bad
            ? $"the size or the sum of '{bad.Name}' is none"
            : null;
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\A[a-z0-9_]{1,16}\z")]
    private static partial Regex ArchitecturePattern();

    [GeneratedRegex(@"\A[0-9a-f]{16}\z")]
    private static partial Regex KeyPattern();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex SumPattern();
}

/// <summary>A file of an image.</summary>
internal sealed record DescribedFile(string Name, long Size, string Sha256)
{
    /// <summary>Describes a file as it is.</summary>
    public static async Task<DescribedFile> OfAsync(string path, string name, CancellationToken cancellationToken) =>
        new(name, new FileInfo(path).Length, await new PartialFile(path).SumAsync(cancellationToken).ConfigureAwait(false));
}
