using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>A store of its own for each test of a source of images.</summary>
public abstract class ImageSourceTestBase : IDisposable
{
    protected string Cache { get; } = Directory.CreateTempSubdirectory("sync, ä ").FullName;
    private protected StoredImages Store { get; }

    protected ImageSourceTestBase() =>
        Store = new StoredImages(Cache)
        {
            Fetched = new FetchedImages(Path.Combine(Cache, "images")) { RetryDelay = TimeSpan.FromMilliseconds(1) },
        };

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Directory.Delete(Cache, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected Task<StoredImage> SyncAsync(
        StreamTree tree,
        StreamQuery query,
        string? keyring = null,
        IProgress<StartProgress>? progress = null
    ) =>
        new ImageSource(tree.Address, keyring) { RetryDelay = TimeSpan.FromMilliseconds(1) }.SyncAsync(
            Store,
            query,
            null,
            DiskFormat.Qcow2,
            progress,
            Token
        );

    // By name, and with the store as it was.
    private protected async Task RefusedAsync(StreamTree tree, StreamQuery query, string message, string? keyring = null)
    {
        Func<Task> sync = () => SyncAsync(tree, query, keyring);
        (await sync.Should().ThrowAsync<ImageException>()).WithMessage($"*{message}");
        Directory
            .GetFiles(Cache, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))
            .Should()
            .BeEmpty();
        Directory.Exists(Path.Combine(Cache, "work")).Should().BeTrue();
        Directory.GetFileSystemEntries(Path.Combine(Cache, "work")).Should().BeEmpty();
    }
}
