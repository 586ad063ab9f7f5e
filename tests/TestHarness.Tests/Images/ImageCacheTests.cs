using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>The cache, with a build that writes a few bytes in place of a guest.</summary>
public sealed class ImageCacheTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("cache, \"ä ").FullName;
    private int _builds;
    private Task _mayBuild = Task.CompletedTask;

    private string Folder => Path.Combine(_root, "tiny");

    private static string Key => ImageKey.Of(RecipeSource.Find("tiny"), RecipeSource.Find("tiny").ReadRecipe());

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Builds_an_image_once_when_many_ask()
    {
        var waits = new Progress();
        _mayBuild = waits.SomebodyWaits;

        GuestImage[] images = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => GetAsync(ImageBuildMode.IfMissing, waits)));

        _builds.Should().Be(1);
        images.Distinct().Should().ContainSingle();
        waits.Steps.Should().Contain($"image tiny: waiting for process {Environment.ProcessId}, which builds it");
    }

    [Fact]
    public async Task Stores_files_that_everybody_may_read_and_nobody_write()
    {
        GuestImage image = await GetAsync();

        image
            .Should()
            .BeEquivalentTo(
                new
                {
                    Name = "tiny",
                    Key,
                    Folder = Path.Combine(Folder, Key),
                    Architecture = "amd64",
                    KernelArguments = "root=/dev/vda rw hostname=tiny",
                }
            );
        Directory
            .GetFiles(image.Folder)
            .Select(Path.GetFileName)
            .Should()
            .BeEquivalentTo("disk.qcow2", "image.json", "initrd", "packages.txt", "vmlinux");
        Directory
            .GetFiles(image.Folder)
            .Select(file => Convert.ToString((int)File.GetUnixFileMode(file), 8))
            .Should()
            .OnlyContain(mode => mode == "444");
        Convert.ToString((int)File.GetUnixFileMode(image.Folder), 8).Should().Be("755");
        Directory.GetDirectories(Folder).Should().Equal(image.Folder);
    }

    [Fact]
    public async Task Sweeps_what_a_killed_builder_left()
    {
        string own = Path.Combine(Folder, $"{Key}.building");
        string older = Path.Combine(Folder, "0123456789ab.building");
        string live = Path.Combine(Folder, "ba9876543210.building");
        foreach (string folder in (string[])[own, older, live])
            Directory.CreateDirectory(Path.Combine(folder, "tree/usr"));
        using FileLock? builder = FileLock.TryTake(Path.Combine(Folder, "ba9876543210.lock"));

        GuestImage image = await GetAsync();

        Directory.GetDirectories(Folder).Should().BeEquivalentTo(image.Folder, live);
    }

    [Fact]
    public async Task Removes_nothing_that_somebody_keeps_beside_the_images()
    {
        string[] mine = ["mine.building", $"{Key}.old.building", $"{Key}-mine", $"{Key}.1x", "0123456789ab.building"];
        foreach (string name in mine)
        {
            Directory.CreateDirectory(Path.Combine(Folder, name));
            File.WriteAllText(Path.Combine(Folder, name, "notes.txt"), "mine");
        }

        await GetAsync();
        GuestImage image = await GetAsync(ImageBuildMode.Always);

        Directory.GetDirectories(Folder).Should().BeEquivalentTo([image.Folder, .. mine.Select(name => Path.Combine(Folder, name))]);
        mine.Should().OnlyContain(name => File.Exists(Path.Combine(Folder, name, "notes.txt")));
    }

    [Fact]
    public async Task Builds_again_when_a_file_is_not_whole()
    {
        GuestImage image = await GetAsync();
        File.SetUnixFileMode(image.DiskPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(image.DiskPath, "");

        GuestImage again = await GetAsync();

        _builds.Should().Be(2);
        new FileInfo(again.DiskPath).Length.Should().BePositive();
        Directory.GetDirectories(Folder).Should().Equal(again.Folder);
    }

    [Fact]
    public async Task Refreshes_under_another_path_and_keeps_to_it()
    {
        GuestImage first = await GetAsync();

        GuestImage second = await GetAsync(ImageBuildMode.Always);
        GuestImage third = await GetAsync(ImageBuildMode.Always);

        (second.Key, third.Key).Should().Be(($"{first.Key}.2", $"{first.Key}.3"));
        Directory.GetDirectories(Folder).Should().Equal(third.Folder);
        (await GetAsync()).Should().Be(third);
    }

    [Fact]
    public async Task Leaves_nothing_behind_when_a_build_fails()
    {
        var cache = new ImageCache(_root)
        {
            Build = (_, _, folder, _) => throw new IOException($"No space left on device: '{folder.Path}/x'"),
        };

        Func<Task> get = () => cache.GetAsync("tiny", ImageBuildMode.IfMissing, null, TestContext.Current.CancellationToken);

        (await get.Should().ThrowAsync<ImageException>()).WithMessage(
            "Image 'tiny': the files could not be written.*No space left*Try: make room in the cache's file system*"
        );
        Directory.GetDirectories(Folder).Should().BeEmpty();
    }

    [Fact]
    public async Task Leaves_nothing_behind_when_cancelled()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var cache = new ImageCache(_root)
        {
            Build = async (_, _, folder, token) =>
            {
                Directory.CreateDirectory(Path.Combine(folder.Path, "tree"));
                await cancel.CancelAsync();
                await folder.RunInsideAsync("waiting", "sleep", ["60"], token);
                return "";
            },
        };

        Func<Task> get = () => cache.GetAsync("tiny", ImageBuildMode.IfMissing, null, cancel.Token);

        await get.Should().ThrowAsync<OperationCanceledException>();
        Directory.GetDirectories(Folder).Should().BeEmpty();
    }

    [Fact]
    public async Task Gives_a_build_up_that_takes_too_long()
    {
        var cache = new ImageCache(_root)
        {
            Limit = TimeSpan.FromMilliseconds(300),
            Build = async (_, _, folder, token) => await folder.RunInsideAsync("waiting", "sleep", ["60"], token),
        };

        Func<Task> get = () => cache.GetAsync("tiny", ImageBuildMode.IfMissing, null, TestContext.Current.CancellationToken);

        (await get.Should().ThrowAsync<ImageException>()).WithMessage("Image 'tiny': it was not there within*Waited for: the build*Try: *");
        Directory.GetDirectories(Folder).Should().BeEmpty();
    }

    private Task<GuestImage> GetAsync(ImageBuildMode mode = ImageBuildMode.IfMissing, IProgress<StartProgress>? progress = null) =>
        new ImageCache(_root) { Build = PretendAsync }.GetAsync("tiny", mode, progress, TestContext.Current.CancellationToken);

    private async Task<string> PretendAsync(Recipe recipe, RecipeSource source, BuildFolder folder, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _builds);
        await _mayBuild.WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
        string result = Directory.CreateDirectory(Path.Combine(folder.Path, "image")).FullName;
        foreach (string file in (string[])["disk.qcow2", "vmlinux", "initrd", "packages.txt"])
            await File.WriteAllTextAsync(Path.Combine(result, file), file, cancellationToken);
        return result;
    }

    private sealed class Progress : IProgress<StartProgress>
    {
        private readonly List<string> _steps = [];
        private readonly TaskCompletionSource _waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends when one who asked has been told that another builds.</summary>
        public Task SomebodyWaits => _waiter.Task;

        public IReadOnlyList<string> Steps => _steps;

        public void Report(StartProgress value)
        {
            lock (_steps)
                _steps.Add(value.Step);
            if (value.Step.Contains("waiting for", StringComparison.Ordinal))
                _waiter.TrySetResult();
        }
    }
}
