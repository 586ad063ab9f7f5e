using System.Security.Cryptography;
using System.Text;

namespace TestHarness.Images;

/// <summary>The name of an image's content: a hash of all that it is made from, except the packages' versions, which are refreshed on request only.</summary>
internal static class ImageKey
{
    /// <summary>Counts up when the builder makes something else from the same recipe.</summary>
    private const string BuilderVersion = "1";

    private const int Length = 12;

    public static string Of(RecipeSource source, Recipe recipe)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add("builder", Encoding.UTF8.GetBytes(BuilderVersion));
        Add("recipe", source.ReadRecipeFile());
        foreach (string file in recipe.Files.Select(file => file.Source).OfType<string>())
            Add(file, source.Read(file));
        Add("init", Initramfs.ReadInit());
        if (recipe.Agent)
            Add("agent", RecipeSource.ReadAgent());
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..Length];

        void Add(string name, byte[] content)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name.Length} {name} {content.Length} "));
            hash.AppendData(content);
        }
    }
}
