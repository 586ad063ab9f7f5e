using System.Globalization;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// Keeps images in a folder, as <c>&lt;name&gt;/&lt;key&gt;/</c>. An image is built once, however many processes ask for it, under another
/// name, and appears by a rename; a builder that was killed leaves only a folder <c>*.building</c>, which the next one deletes.
/// </summary>
internal sealed class ImageCache(string root)
{
    private const string Building = ".building";

    /// <summary>Gets what fills a build folder; returns the folder with the image's files.</summary>
    public Func<Recipe, RecipeSource, BuildFolder, CancellationToken, Task<string>> Build { get; init; } =
        (recipe, source, folder, cancellationToken) => new ImageBuilder(source.Name, recipe, source, folder).BuildAsync(cancellationToken);

    /// <summary>Gets how long a build may take, with the wait for another process that builds the same.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(30);

    public async Task<GuestImage> GetAsync(
        string image,
        ImageBuildMode mode,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        RecipeSource source = RecipeSource.Find(image);
        Recipe recipe = source.ReadRecipe();
        return await GetAsync(source, recipe, mode, progress, cancellationToken).ConfigureAwait(false) with { Setup = recipe.Setup };
    }

    private async Task<GuestImage> GetAsync(
        RecipeSource source,
        Recipe recipe,
        ImageBuildMode mode,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        string key = ImageKey.Of(source, recipe);
        string folder = Path.Combine(root, source.Name);
        if (mode == ImageBuildMode.IfMissing && FindBuilt(folder, key) is { } built)
            return built;

        using Deadline limit = Clock.System.Limit(Limit, cancellationToken);
        try
        {
            return await BuildOnceAsync(source, recipe, key, folder, mode, progress, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ImageException(
                source.Name,
                new FailureText($"Image '{source.Name}': it was not there within {Limit.TotalMinutes} minutes.")
                    .Add("Waited for", "the build, here or by another process")
                    .Try("see that the host reaches its package mirror: sudo apt-get update."),
                e
            );
        }
    }

    private async Task<GuestImage> BuildOnceAsync(
        RecipeSource source,
        Recipe recipe,
        string key,
        string folder,
        ImageBuildMode mode,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        Prerequisites.Require(BuildFolder.Programs);
        CacheFolder.Create(folder);
        using FileLock exclusive = await CacheFolder
            .LockAsync(
                Path.Combine(folder, $"{key}.lock"),
                owner => progress?.Report(new StartProgress($"image {source.Name}: waiting for {owner}, which builds it")),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (mode == ImageBuildMode.IfMissing && FindBuilt(folder, key) is { } builtMeanwhile)
            return builtMeanwhile;

        await SweepAsync(source.Name, folder, key, progress).ConfigureAwait(false);
        return await BuildAsync(source, recipe, Path.Combine(folder, NextGeneration(folder, key)), progress, cancellationToken)
            .ConfigureAwait(false);
    }

    private async Task<GuestImage> BuildAsync(
        RecipeSource source,
        Recipe recipe,
        string target,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        var folder = new BuildFolder(source.Name, target + Building, progress);
        try
        {
            CacheFolder.Create(folder.Path);
            string result = await Build(recipe, source, folder, cancellationToken).ConfigureAwait(false);
            ImageDescription.Write(result, recipe, source.Name);
            File.SetUnixFileMode(result, File.GetUnixFileMode(folder.Path));
            string[] older =
            [
                .. Generations(Path.GetDirectoryName(target)!, Path.GetFileName(target).Split('.')[0]).Where(ImageFolder.IsOurs),
            ];
            Directory.Move(result, target);
            foreach (string old in older)
                FolderRemoval.Remove(old);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(
                source.Name,
                new FailureText($"Image '{source.Name}': the files could not be written.")
                    .Add("Folder", target)
                    .Add("Reason", e.Message)
                    .Try(BuildFolder.RemedyFor(e.Message)),
                e
            );
        }
        finally
        {
            await folder.DeleteAsync().ConfigureAwait(false);
        }

        progress?.Report(new StartProgress($"image {source.Name}: built", Fraction: 1));
        return ImageDescription.Read(target)
            ?? throw new ImageException(
                source.Name,
                new FailureText($"Image '{source.Name}': the files are not whole after the build.").Add("Folder", target)
            );
    }

    /// <summary>Deletes what killed builders left of this image, whatever the recipe was like then; live ones hold their lock.</summary>
    private static async Task SweepAsync(string image, string folder, string ownKey, IProgress<StartProgress>? progress)
    {
        foreach (string leftover in Directory.GetDirectories(folder, $"*{Building}"))
        {
            if (
                !ImageKey.IsFolderName(Path.GetFileName(leftover)[..^Building.Length])
                || !BuildFolder.IsOurs(leftover)
                || !Native.May(leftover, write: true)
            )
                continue;
            string key = Path.GetFileName(leftover).Split('.')[0];
            using FileLock? theirs = key == ownKey ? null : FileLock.TryTake(Path.Combine(folder, $"{key}.lock"));
            if (key != ownKey && theirs is null)
                continue;
            await new BuildFolder(image, leftover, progress: null).DeleteAsync().ConfigureAwait(false);
            progress?.Report(new StartProgress($"image {image}: removed what a killed build left", leftover));
        }
    }

    private static GuestImage? FindBuilt(string folder, string key) =>
        Generations(folder, key).Select(ImageDescription.Read).OfType<GuestImage>().FirstOrDefault();

    private static string NextGeneration(string folder, string key) =>
        Generations(folder, key).FirstOrDefault() is { } newest ? $"{key}.{Generation(newest) + 1}" : key;

    /// <summary>Returns the folders of a key, the newest first: <c>key</c>, and <c>key.2</c> onwards after a refresh.</summary>
    private static IEnumerable<string> Generations(string folder, string key) =>
        Directory.Exists(folder)
            ? Directory
                .GetDirectories(folder, $"{key}*")
                .Where(path => ImageKey.IsFolderName(Path.GetFileName(path)))
                .OrderByDescending(Generation)
            : [];

    private static int Generation(string path)
    {
        string[] parts = Path.GetFileName(path).Split('.');
        return parts.Length switch
        {
            1 => 1,
            _ => int.Parse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture),
        };
    }
}

/// <summary>When an image is built.</summary>
internal enum ImageBuildMode
{
    IfMissing,
    Always,
}
