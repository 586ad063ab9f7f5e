using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using TestHarness.Agents;

namespace TestHarness.Images;

/// <summary>
/// The name of an image's content: a hash of all that it is made from, except the packages' versions, which are refreshed on request only,
/// and the steps of a set-up, which have keys of their own.
/// </summary>
internal static partial class ImageKey
{
    /// <summary>Counts up when the builder makes something else from the same recipe.</summary>
    private const string BuilderVersion = "1";

    private const int Length = 12;

    /// <summary>Tells whether a folder is named as one of an image's is: by its key, and after a refresh by a number, too.</summary>
    public static bool IsFolderName(string name) => FolderName().IsMatch(name);

    public static string Of(RecipeSource source, Recipe recipe)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add("builder", Encoding.UTF8.GetBytes(BuilderVersion));
        Add("recipe", WithoutSetup(source.ReadRecipeFile()));
        foreach (string file in recipe.Files.Select(file => file.Source).OfType<string>())
            Add(file, source.Read(file));
        Add("init", Initramfs.ReadInit());
        if (recipe.Agent)
            Add("agent", EmbeddedAgent.Read());
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..Length];

        void Add(string name, byte[] content)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name.Length} {name} {content.Length} "));
            hash.AppendData(content);
        }
    }

    // Nor with comments, which change nothing.
    private static byte[] WithoutSetup(byte[] json)
    {
        JsonNode recipe = JsonNode.Parse(json, documentOptions: RecipeParser.Json)!;
        recipe.AsObject().Remove(RecipeParser.Setup);
        return Encoding.UTF8.GetBytes(recipe.ToJsonString());
    }

    [GeneratedRegex(@"\A[0-9a-f]{12}(\.[1-9][0-9]{0,8})?\z")]
    private static partial Regex FolderName();
}
