using System.Text.Json;
using System.Text.RegularExpressions;
using TestHarness.Errors;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>Reads a recipe; one with mistakes gives one error that lists them all.</summary>
internal static partial class RecipeParser
{
    /// <summary>The member with the steps of a set-up, which do not decide what the image is.</summary>
    public const string Setup = "setup";

    /// <summary>How a recipe's file is read.</summary>
    public static JsonDocumentOptions Json { get; } =
        new()
        {
            CommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
            AllowDuplicateProperties = false,
        };

    /// <summary>Reads a recipe.</summary>
    /// <param name="image">The image's name, for messages.</param>
    /// <param name="file">The recipe's file, for messages.</param>
    /// <param name="json">What is in it.</param>
    /// <param name="findPath">Says where a path of the host leads that a step of the set-up names.</param>
    /// <exception cref="ImageException">The text is no JSON, or no recipe.</exception>
    public static Recipe Parse(string image, string file, ReadOnlyMemory<byte> json, Func<string, string> findPath)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, Json);
        }
        catch (JsonException e)
        {
            string place = e.LineNumber is { } line ? $"{file}, line {line + 1}" : file;
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': the recipe is not valid JSON.").Add(
                    "Mistake",
                    $"{place}: {WithoutPlace().Replace(e.Message, "")}"
                ),
                e
            );
        }

        using (document)
        {
            var mistakes = new List<string>();
            Recipe? recipe = null;
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                var members = new JsonMembers(document.RootElement, "$", mistakes);
                members.Allow(Setup);
                recipe = ReadRecipe(members) with { Setup = ReadSetup(json, findPath, mistakes) };
                members.NoteUnknown();
            }
            else
            {
                mistakes.Add($"$: is not an object");
            }

            if (mistakes.Count == 0 && recipe is not null)
                return recipe;
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': the recipe has {mistakes.Count} mistake(s).")
                    .Add("Recipe", file)
                    .Add("Mistakes", string.Join('\n', mistakes))
                    .Try("see images/recipe.schema.json for the members and their meaning.")
            );
        }
    }

    private static Recipe ReadRecipe(JsonMembers members)
    {
        members.Text("$schema");
        var recipe = new Recipe
        {
            Description = members.Text("description") ?? "",
            Distribution = Matching(
                members,
                "distribution",
                members.RequiredText("distribution"),
                Name(),
                "a distribution such as \"debian\""
            ),
            Suite = Matching(members, "suite", members.RequiredText("suite"), Name(), "a suite such as \"bookworm\""),
            Architecture = OneOf(members, "architecture", members.RequiredText("architecture"), "amd64"),
            Variant =
                OneOf(members, "variant", members.RequiredText("variant"), "extract", "minbase") == "extract"
                    ? RecipeVariant.Extract
                    : RecipeVariant.Minbase,
            Packages = Names(members, "packages", PackageName(), "a package's name"),
            Kernel = members.RequiredObject("kernel", ReadKernel) ?? new RecipeKernel { Package = "" },
            Disk = members.RequiredObject("disk", ReadDisk) ?? new RecipeDisk { SizeMiB = 0 },
            MinimumMemoryMiB = members.Number("minimumMemoryMiB", 16, 1024 * 1024),
            Keep = members.Texts("keep"),
            Files = members.Objects("files", ReadFile),
            Links = members.Objects("links", ReadLink),
            Commands = members.Texts("commands") ?? [],
            Agent = members.Flag("agent", absent: true),
            Ready = members.Text("ready"),
        };
        for (int i = 0; i < (recipe.Keep?.Count ?? 0); i++)
            CheckGuestPath(members, $"keep[{i}]", recipe.Keep![i]);
        return recipe;
    }

    // As in the files that describe machines: with the same members, and the lines of mistakes.
    private static IReadOnlyList<SetupStep> ReadSetup(ReadOnlyMemory<byte> json, Func<string, string> findPath, List<string> mistakes)
    {
        if (JsonText.Parse(json) is not DataMap map || map.Members.FirstOrDefault(member => member.Name == Setup) is not { } setup)
            return [];
        var reader = new DefinitionReader(findPath);
        IReadOnlyList<SetupStep> steps = reader.ReadSteps(setup.Value, $"$.{Setup}");
        mistakes.AddRange(reader.Mistakes);
        return steps;
    }

    private static RecipeKernel ReadKernel(JsonMembers members) =>
        new()
        {
            Package = Matching(members, "package", members.RequiredText("package"), PackageName(), "a package's name"),
            Modules = Names(members, "modules", ModuleName(), "a module's name such as \"virtio_blk\""),
            KeepModules = members.Texts("keepModules") is null
                ? null
                : Names(members, "keepModules", ModuleName(), "a module's name such as \"virtio_blk\""),
            Arguments = members.Text("arguments") ?? "",
        };

    private static RecipeDisk ReadDisk(JsonMembers members)
    {
        int? size = members.Number("sizeMiB", 16, 1024 * 1024);
        if (size is null && !members.Has("sizeMiB"))
            members.Mistake("sizeMiB", "is missing");
        return new RecipeDisk
        {
            SizeMiB = size ?? 0,
            Label = Matching(
                members,
                "label",
                members.Text("label") ?? "root",
                Label(),
                "a label: at most 16 letters, digits, '-' and '_'"
            ),
            Compressed = members.Flag("compressed"),
        };
    }

    private static RecipeFile ReadFile(JsonMembers members)
    {
        var file = new RecipeFile
        {
            Path = members.RequiredText("path"),
            Content = members.Text("content"),
            Source = members.Text("source"),
            Mode = Matching(members, "mode", members.Text("mode") ?? "0644", Mode(), "an octal mode such as \"0644\""),
            Owner = Matching(members, "owner", members.Text("owner") ?? "root:root", Owner(), "an owner such as \"root:shadow\""),
        };
        CheckGuestPath(members, "path", file.Path);
        if ((file.Content is null) == (file.Source is null))
            members.Mistake("content", "exactly one of content and source is needed");
        if (file.Source is { } source && (source.StartsWith('/') || HasDots(source) || source.Length == 0))
            members.Mistake("source", $"\"{source}\" is not a path below the recipe's folder");
        return file;
    }

    private static RecipeLink ReadLink(JsonMembers members)
    {
        var link = new RecipeLink(members.RequiredText("path"), members.RequiredText("target"));
        CheckGuestPath(members, "path", link.Path);
        return link;
    }

    private static void CheckGuestPath(JsonMembers members, string member, string path)
    {
        // An empty one has been noted as missing.
        if (
            path.Length > 0
            && (!path.StartsWith('/') || path.EndsWith('/') || HasDots(path) || path.Contains('\0', StringComparison.Ordinal))
        )
            members.Mistake(member, $"\"{path}\" is not a path in the guest, such as \"/etc/motd\", without \"..\"");
    }

    private static bool HasDots(string path) => path.Split('/').Any(part => part is "." or "..");

    private static IReadOnlyList<string> Names(JsonMembers members, string member, Regex pattern, string what)
    {
        IReadOnlyList<string> names = members.Texts(member) ?? [];
        for (int i = 0; i < names.Count; i++)
            Matching(members, $"{member}[{i}]", names[i], pattern, what);
        return names;
    }

    private static string Matching(JsonMembers members, string member, string value, Regex pattern, string what)
    {
        if (value.Length > 0 && !pattern.IsMatch(value))
            members.Mistake(member, $"\"{value}\" is not {what}");
        return value;
    }

    private static string OneOf(JsonMembers members, string member, string value, params string[] allowed)
    {
        if (value.Length > 0 && !allowed.Contains(value, StringComparer.Ordinal))
            members.Mistake(member, $"\"{value}\" is not {string.Join(" or ", allowed.Select(one => $"\"{one}\""))}");
        return value;
    }

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9.-]*\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9+.-]+\z")]
    private static partial Regex PackageName();

    [GeneratedRegex(@"\A[A-Za-z0-9_-]+\z")]
    private static partial Regex ModuleName();

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,16}\z")]
    private static partial Regex Label();

    [GeneratedRegex(@"\A0?[0-7]{3,4}\z")]
    private static partial Regex Mode();

    [GeneratedRegex(@"\A[a-z0-9_][a-z0-9_-]*:[a-z0-9_][a-z0-9_-]*\z")]
    private static partial Regex Owner();

    [GeneratedRegex(@" LineNumber: .*\z")]
    private static partial Regex WithoutPlace();
}
