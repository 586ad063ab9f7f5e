using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness.Templates;

/// <summary>The saved machines of this user: templates that have a name, and stay until they are deleted.</summary>
internal static partial class SavedStore
{
    /// <summary>The key of the template that has a name.</summary>
    public static string KeyOf(string name) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"saved\0{name}")))[..16];

    /// <summary>Tells whether a machine may be saved under a name.</summary>
    public static bool IsName(string name) => Name().IsMatch(name);

    /// <summary>Refuses a name that no saved machine can have.</summary>
    /// <exception cref="ArgumentException">It is one.</exception>
    public static void RequireName(string name)
    {
        if (!IsName(name))
            throw new ArgumentException(
                $"\"{name}\" is no name for a saved machine: up to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit.",
                nameof(name)
            );
    }

    /// <summary>Describes all of them, by their names.</summary>
    public static IEnumerable<SavedNote> All() =>
        Directory.Exists(CacheFolder.Templates)
            ? Directory
                .GetDirectories(CacheFolder.Templates)
                .Where(TemplateDescription.IsIn)
                .Select(TemplateDescription.TryRead)
                .Select(description => description?.Saved)
                .OfType<SavedNote>()
                .OrderBy(note => note.Name, StringComparer.Ordinal)
            : [];

    /// <summary>Describes the one of a name, or returns <see langword="null"/>.</summary>
    public static SavedNote? Find(string name) => TemplateDescription.TryRead(FolderOf(name))?.Saved;

    /// <summary>The folder of the one that has a name.</summary>
    public static string FolderOf(string name) => Path.Combine(CacheFolder.Templates, KeyOf(name));

    /// <summary>Opens the one of a name for a machine that goes on from it.</summary>
    /// <exception cref="SavedMachineException">It is not there, or not whole.</exception>
    public static Template Open(string name)
    {
        if (TemplateStore.TryOpen(KeyOf(name)) is { Saved: not null } template)
            return template;
        string folder = FolderOf(name);
        throw new SavedMachineException(
            name,
            Find(name) is null
                ? new FailureText($"There is no saved machine '{name}'.").Add(
                    "There are",
                    All().Select(note => note.Name).ToArray() is { Length: > 0 } names ? string.Join(", ", names) : "none"
                )
                : new FailureText($"The saved machine '{name}' can't be used.")
                    .Add("Reason", TemplateDescription.FindFault(KeyOf(name), folder) ?? "it is being deleted, or is another user's")
                    .Add("Folder", folder)
        );
    }

    /// <summary>
    /// Describes a machine whose files are in a folder that is in the making, and makes its disks lie on its image alone.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="spec">What it is, with the accelerator that was chosen.</param>
    /// <param name="program">QEMU.</param>
    /// <param name="image">The image that it runs on.</param>
    /// <param name="folder">Where the files are.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<SavedNote> DescribeAsync(
        string name,
        MachineSpec spec,
        string program,
        GuestImage image,
        string folder,
        string finalFolder,
        CancellationToken cancellationToken
    )
    {
        GuestImage kept = await SavedDisks.DetachAsync(image, folder, finalFolder, cancellationToken).ConfigureAwait(false);
        return new SavedNote
        {
            Name = name,
            Saved = Clock.System.GetUtcNow(),
            Definition = DefinitionOf(spec),
            Image = kept,
            UserFiles = kept
                .Files.Where(file => Path.GetDirectoryName(file) != finalFolder)
                .Distinct()
                .ToDictionary(file => file, IdentityOf),
            Host = await SavedHost.OfAsync(program, spec.Accelerator, cancellationToken).ConfigureAwait(false),
            HasSecrets = spec.Secrets.Count > 0,
        };
    }

    /// <summary>Writes down what a machine is that goes on; its set-up is behind it.</summary>
    public static string DefinitionOf(MachineSpec spec) =>
        DefinitionFile.WriteText(
            new Dictionary<string, MachineSpec> { ["machine"] = spec with { Setup = [], Spares = 0, Start = StartMode.Warm } },
            isJson: true
        );

    /// <summary>Reads what a saved machine is.</summary>
    /// <exception cref="ArgumentException">It has mistakes.</exception>
    public static MachineSpec SpecOf(SavedNote note) =>
        DefinitionFile.Parse(note.Definition, isJson: true, $"saved machine {note.Name}", "/").Values.First();

    /// <summary>Says which file of a user's that a saved machine lies on has changed, or returns <see langword="null"/>.</summary>
    public static string? FindChange(SavedNote note) =>
        note
            .UserFiles.Where(file => IdentityOf(file.Key) != file.Value)
            .Select(file => $"'{file.Key}', which it lies on, has changed since, or is not there any more")
            .FirstOrDefault();

    private static string IdentityOf(string file) => Native.StatusOf(file)?.Identity ?? "";

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Name();
}
