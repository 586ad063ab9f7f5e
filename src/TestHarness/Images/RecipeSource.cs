using System.Reflection;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Specs;

namespace TestHarness.Images;

/// <summary>Where a recipe and the files beside it come from: the library itself, or a folder of the user's.</summary>
internal sealed class RecipeSource
{
    private const string RecipeFile = "recipe.json";
    private const string EmbeddedFolder = "images/";
    private static readonly Assembly Library = typeof(RecipeSource).Assembly;

    private readonly string _image;
    private readonly string? _folder;

    private RecipeSource(string image, string name, string? folder)
    {
        _image = image;
        Name = name;
        _folder = folder;
    }

    /// <summary>Gets the image's name for people and for the cache's folders.</summary>
    public string Name { get; }

    /// <summary>Gets the path of the recipe, or its name in the library.</summary>
    public string File => _folder is null ? $"{_image}/{RecipeFile} (in the library)" : Path.Combine(_folder, RecipeFile);

    public static IReadOnlyList<string> EmbeddedNames { get; } =
    [
        .. Library
            .GetManifestResourceNames()
            .Where(name =>
                name.StartsWith(EmbeddedFolder, StringComparison.Ordinal) && name.EndsWith($"/{RecipeFile}", StringComparison.Ordinal)
            )
            .Select(name => name[EmbeddedFolder.Length..^(RecipeFile.Length + 1)])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Finds what <paramref name="image"/> names.</summary>
    /// <exception cref="ImageException">There is no such image.</exception>
    public static RecipeSource Find(string image)
    {
        if (image.Contains('/', StringComparison.Ordinal))
        {
            string folder = OwnPath.Find(image, place => System.IO.File.Exists(Path.Combine(place, RecipeFile)));
            if (System.IO.File.Exists(folder))
                throw Unknown(
                    image,
                    $"'{folder}' is not a folder; a disk of your own has the ending .qcow2, .raw or .img, or its format in "
                        + "MachineSpec.ImageFormat"
                );
            if (!System.IO.File.Exists(Path.Combine(folder, RecipeFile)))
                throw Unknown(image, $"'{folder}' has no {RecipeFile}");
            return new RecipeSource(image, FolderName(folder), folder);
        }

        return EmbeddedNames.Contains(image, StringComparer.Ordinal)
            ? new RecipeSource(image, image, null)
            : throw Unknown(image, "the library has no recipe of this name");
    }

    /// <summary>Reads the agent's systemd unit.</summary>
    public static byte[] ReadAgentUnit() => Find("debian-12").Read("testharness-agent.service");

    public Recipe ReadRecipe() => RecipeParser.Parse(_image, File, ReadRecipeFile(), path => Path.GetFullPath(path, _folder ?? "/"));

    public byte[] ReadRecipeFile() => Read(RecipeFile);

    /// <summary>Reads a file beside the recipe; the parser has seen to it that the name does not lead out of the folder.</summary>
    /// <exception cref="ImageException">There is no such file, or it is a link that leads out.</exception>
    public byte[] Read(string name)
    {
        if (_folder is null)
            return ReadEmbedded($"{EmbeddedFolder}{_image}/{name}") ?? throw Missing(name, "there is no such file");

        string path = Path.Combine(_folder, name);
        FileInfo file = new(path);
        if (!file.Exists)
            throw Missing(name, "there is no such file");
        string target = file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
        if (!Path.GetFullPath(target).StartsWith($"{_folder.TrimEnd('/')}/", StringComparison.Ordinal))
            throw Missing(name, $"it is a link out of the recipe's folder, to {target}");
        // A pipe would keep the reader waiting, and a device may never end.
        if (!Native.IsOrdinaryFile(target))
            throw Missing(name, "it is not an ordinary file");
        try
        {
            byte[] content = System.IO.File.ReadAllBytes(path);
            return LfsPointer.Is(content) ? throw Missing(name, LfsPointer.Reason, LfsPointer.Remedy) : content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Missing(name, e.Message);
        }
    }

    private ImageException Missing(string name, string reason, string? remedy = null) =>
        new(
            _image,
            new FailureText($"Image '{_image}': the recipe's file '{name}' cannot be read.")
                .Add("Recipe", File)
                .Add("Reason", reason)
                .Try(remedy)
        );

    private static ImageException Unknown(string image, string reason) =>
        new(
            image,
            new FailureText($"There is no image '{image}': {reason}.")
                .Add("Path", image.Contains('/', StringComparison.Ordinal) ? OwnPath.RemedyFor(image) : null)
                .Add("Images of the library", string.Join(", ", EmbeddedNames))
                .Try(
                    $"one of these, or the path of a folder of your own with a {RecipeFile}, written with a '/', such as "
                        + $"\"./{Path.GetFileName(image.TrimEnd('/'))}\"."
                )
        );

    private static string FolderName(string folder)
    {
        string name = string.Concat(
            Path.GetFileName(folder.TrimEnd('/')).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_')
        );
        return name.Trim('.') is { Length: > 0 } usable ? usable : "image";
    }

    private static byte[]? ReadEmbedded(string name)
    {
        using Stream? stream = Library.GetManifestResourceStream(name);
        if (stream is null)
            return null;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
