namespace TestHarness.Images;

/// <summary>The images of this user: the cache that the library uses.</summary>
internal static class ImageStore
{
    /// <summary>Returns an image, building it where it is not there.</summary>
    /// <param name="image">The name of a recipe that the library brings, or the path of a folder with a recipe, with a <c>/</c> in it.</param>
    /// <param name="progress">Told what is done, or for whom is waited.</param>
    /// <param name="cancellationToken">Ends the wait and the build.</param>
    /// <exception cref="ImageException">There is no such image, its recipe has mistakes, or the build failed.</exception>
    /// <exception cref="HostNotReadyException">The host lacks what a build needs.</exception>
    public static Task<GuestImage> GetAsync(string image, IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default) =>
        new ImageCache(CacheFolder.Images).GetAsync(image, ImageBuildMode.IfMissing, progress, cancellationToken);

    /// <summary>
    /// Builds an image anew, with the package versions of today, beside the one that is there, which is then deleted. Machines that run
    /// from that one run on, but cannot be started again.
    /// </summary>
    public static Task<GuestImage> RefreshAsync(string image, IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default) =>
        new ImageCache(CacheFolder.Images).GetAsync(image, ImageBuildMode.Always, progress, cancellationToken);
}
