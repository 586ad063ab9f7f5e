namespace TestHarness.Images;

/// <summary>The images of this user: the cache that the library uses.</summary>
internal static class ImageStore
{
    /// <summary>Returns a machine's image: built or fetched where it is not there, and looked at.</summary>
    /// <param name="spec">The machine; checked.</param>
    /// <param name="progress">Told what is done, or for whom is waited.</param>
    /// <param name="cancellationToken">Ends the wait, the build and the download.</param>
    /// <exception cref="ImageException">There is no such image, its recipe has mistakes, the build or the download failed, or the disk
    /// can't be used.</exception>
    /// <exception cref="HostNotReadyException">The host lacks what a build needs.</exception>
    public static async Task<GuestImage> GetAsync(MachineSpec spec, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        ImageReference reference = ImageReference.Of(spec);
        if (reference.Kind == ImageKind.Recipe)
        {
            GuestImage built = await new ImageCache(CacheFolder.Images)
                .GetAsync(spec.Image, ImageBuildMode.IfMissing, progress, cancellationToken)
                .ConfigureAwait(false);
            return built with { DiskBytes = QcowHeader.Require(built) };
        }

        string disk =
            reference.Kind == ImageKind.File
                ? spec.Image
                : await new FetchedImages(CacheFolder.Images)
                    .GetAsync(spec.Image, spec.ImageSha256!, progress, cancellationToken)
                    .ConfigureAwait(false);
        return OwnImage.Open(spec, disk, reference.Format);
    }

    /// <summary>
    /// Builds an image anew, with the package versions of today, beside the one that is there, which is then deleted. Machines that run
    /// from that one run on, but cannot be started again.
    /// </summary>
    public static Task<GuestImage> RefreshAsync(
        string image,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    ) => new ImageCache(CacheFolder.Images).GetAsync(image, ImageBuildMode.Always, progress, cancellationToken);
}
