using System.Globalization;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>
/// Keeps images in the cache, as <c>images/&lt;name&gt;/&lt;key&gt;/</c>. An image is built once, however many processes ask for it, under
/// another name, and appears by a rename; a builder that was killed leaves only a folder <c>*.building</c>, which the next one deletes.
/// </summary>
internal static class ImageStore
{
    private const string Building = ".building";

    /// <summary>Returns an image, building it where it is not there.</summary>
    /// <param name="image">The name of a recipe that the library brings, or the path of a folder with a recipe, with a <c>/</c> in it.</param>
    /// <param name="progress">Told what is done, or for whom is waited.</param>
    /// <param name="cancellationToken">Ends the wait and the build.</param>
    /// <exception cref="ImageException">There is no such image, its recipe has mistakes, or the build failed.</exception>
    /// <exception cref="HostNotReadyException">The host lacks what a build needs.</exception>
    public static Task<GuestImage> GetAsync(string image, IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default) =>
        GetAsync(image, BuildMode.IfMissing, progress, cancellationToken);

    /// <summary>
    /// Builds an image anew, with the package versions of today, beside the one that is there, which is then deleted. Machines that run
    /// from that one run on, but cannot be started again.
    /// </summary>
    public static Task<GuestImage> RefreshAsync(string image, IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default) =>
        GetAsync(image, BuildMode.Always, progress, cancellationToken);

    private enum BuildMode
    {
        IfMissing,
        Always,
    }

    private static async Task<GuestImage> GetAsync(string image, BuildMode mode, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        RecipeSource source = RecipeSource.Find(image);
        Recipe recipe = source.ReadRecipe();
        string key = ImageKey.Of(source, recipe);
        string folder = Path.Combine(CacheFolder.Images, source.Name);
        if (mode == BuildMode.IfMissing && FindBuilt(folder, key) is { } built)
            return built;

        Prerequisites.Require(BuildFolder.Programs);
        CacheFolder.Create(folder);
        using FileLock exclusive = await FileLock.TakeAsync(
            Path.Combine(folder, $"{key}.lock"),
            owner => progress?.Report(new StartProgress($"image {source.Name}: waiting for {owner}, which builds it")),
            cancellationToken).ConfigureAwait(false);
        if (mode == BuildMode.IfMissing && FindBuilt(folder, key) is { } builtMeanwhile)
            return builtMeanwhile;

        await SweepAsync(source.Name, folder, key).ConfigureAwait(false);
        return await BuildAsync(source, recipe, Path.Combine(folder, NextGeneration(folder, key)), progress, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<GuestImage> BuildAsync(
        RecipeSource source, Recipe recipe, string target, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        var folder = new BuildFolder(source.Name, target + Building, progress);
        try
        {
            CacheFolder.Create(folder.Path);
            string result = await new ImageBuilder(source.Name, recipe, source, folder).BuildAsync(cancellationToken).ConfigureAwait(false);
            ImageDescription.Write(result, recipe, source.Name);
            File.SetUnixFileMode(result, File.GetUnixFileMode(folder.Path));
            string[] older = [.. Generations(Path.GetDirectoryName(target)!, Path.GetFileName(target).Split('.')[0])];
            Directory.Move(result, target);
            foreach (string old in older)
                Directory.Delete(old, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(source.Name, new FailureText($"Image '{source.Name}': the files could not be written.").Add("Folder", target).Add("Reason", e.Message), e);
        }
        finally
        {
            await folder.DeleteAsync().ConfigureAwait(false);
        }

        progress?.Report(new StartProgress($"image {source.Name}: built", Fraction: 1));
        return ImageDescription.Read(target)
            ?? throw new ImageException(source.Name, new FailureText($"Image '{source.Name}': the files are not whole after the build.").Add("Folder", target));
    }

    /// <summary>Deletes what killed builders left of this image, whatever the recipe was like then; live ones hold their lock.</summary>
    private static async Task SweepAsync(string image, string folder, string ownKey)
    {
        foreach (string leftover in Directory.GetDirectories(folder, $"*{Building}"))
        {
            string key = Path.GetFileName(leftover).Split('.')[0];
            using FileLock? theirs = key == ownKey ? null : FileLock.TryTake(Path.Combine(folder, $"{key}.lock"));
            if (key == ownKey || theirs is not null)
                await new BuildFolder(image, leftover, progress: null).DeleteAsync().ConfigureAwait(false);
        }
    }

    private static GuestImage? FindBuilt(string folder, string key) =>
        Generations(folder, key).Select(ImageDescription.Read).OfType<GuestImage>().FirstOrDefault();

    private static string NextGeneration(string folder, string key) =>
        Generations(folder, key).FirstOrDefault() is { } newest ? $"{key}.{Generation(newest) + 1}" : key;

    /// <summary>Returns the folders of a key, the newest first: <c>key</c>, and <c>key.2</c> onwards after a refresh.</summary>
    private static IEnumerable<string> Generations(string folder, string key) =>
        Directory.Exists(folder)
            ? Directory.GetDirectories(folder, $"{key}*").Where(path => Generation(path) > 0).OrderByDescending(Generation)
            : [];

    private static int Generation(string path)
    {
        string[] parts = Path.GetFileName(path).Split('.');
        return parts.Length switch
        {
            1 => 1,
            2 when int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number) => number,
            _ => 0,
        };
    }
}
