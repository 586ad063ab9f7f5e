using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>A disk that is fetched ahead of time, under a name.</summary>
public sealed class ImagePullTests : IDisposable
{
    private readonly string _cache = Directory.CreateTempSubdirectory("pull, ä ").FullName;
    private readonly StoredImages _store;
    private readonly byte[] _disk = StreamTree.Disk(1);

    public ImagePullTests() => _store = new StoredImages(_cache);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_cache, recursive: true);

    [Fact]
    public async Task Is_listed_under_its_name_and_goes_when_nothing_names_it_any_more()
    {
        await using var server = new FileServer(request => FileServer.Serve(_disk, request));
        ImagePull pull = Pull(server.Address("/some%20disk.qcow2"));

        StoredImage one = await pull.RunAsync(_store, null, Token),
            two = await (pull with { Name = "two" }).RunAsync(_store, null, Token);

        ImagePull.NameOf(pull.Address).Should().Be("some disk");
        (one.Image.DiskPath, one.Sum, server.Requests.Count).Should().Be((two.Image.DiskPath, pull.Sha256, 1));
        _store
            .All()
            .Select(image => (image.Name, image.Kind, image.Bytes))
            .Should()
            .Equal(("mine", StoredKind.Disk, _disk.Length), ("two", StoredKind.Disk, _disk.Length));
        await _store.DeleteAsync(one, Token);
        _store.FindDisk("two").Should().NotBeNull("its disk is still there");
        await _store.DeleteAsync(two, Token);
        _store.All().Should().BeEmpty();
        File.Exists(one.Image.DiskPath).Should().BeFalse();
    }

    [Fact]
    public async Task What_a_test_has_fetched_by_its_address_is_listed_and_removed_too()
    {
        await using var server = new FileServer(request => FileServer.Serve(_disk, request));
        await _store.Fetched.GetAsync(server.Address(), StreamTree.Sum(_disk), null, Token);

        StoredImage image = _store.All().Should().ContainSingle().Which;
        (image.Name, image.Kind).Should().Be((StreamTree.Sum(_disk)[..16], StoredKind.Fetched));
        await _store.DeleteAsync(image, Token);

        _store.All().Should().BeEmpty();
        Directory.Exists(Path.Combine(_cache, "images")).Should().BeTrue();
    }

    [Theory]
    [InlineData("tiny")]
    [InlineData("../x")]
    [InlineData("")]
    [InlineData("disk.qcow2")]
    [InlineData("-x")]
    public async Task Refuses_a_name_that_means_something_else(string name)
    {
        Func<Task> pull = () => (Pull("http://127.0.0.1:1/disk.qcow2") with { Name = name }).RunAsync(_store, null, Token);

        (await pull.Should().ThrowAsync<ImageException>()).WithMessage($"An image can't be named '{name}'.*");
    }

    [Fact]
    public async Task Asks_for_a_format_an_address_and_a_sum_in_words_of_the_command_line()
    {
        Func<Task> format = () => Pull("http://127.0.0.1:1/disk.img").RunAsync(_store, null, Token),
            far = () => (Pull("http://192.0.2.1/disk.qcow2") with { Sha256 = "1" }).RunAsync(_store, null, Token);

        (await format.Should().ThrowAsync<ImageException>()).WithMessage(
            "*it can't be fetched.\nReason: --format is missing:*Write --format qcow2 or --format raw."
        );
        (await far.Should().ThrowAsync<ImageException>()).WithMessage("*http: is for this machine's own*--sha256 is \"1\"*");
    }

    [Fact]
    public async Task Leaves_nothing_of_what_is_no_disk()
    {
        byte[] page = "<html>"u8.ToArray();
        await using var server = new FileServer(request => FileServer.Serve(page, request));
        Func<Task> pull = () => (Pull(server.Address("/disk.qcow2")) with { Sha256 = StreamTree.Sum(page) }).RunAsync(_store, null, Token);

        (await pull.Should().ThrowAsync<ImageException>()).WithMessage("*the disk can't be used.*it is not in qcow2 format*");
        _store.All().Should().BeEmpty();
        File.Exists(_store.Fetched.PathOf(StreamTree.Sum(page))).Should().BeFalse();
    }

    private ImagePull Pull(string address) =>
        new()
        {
            Address = address,
            Sha256 = StreamTree.Sum(_disk),
            Name = "mine",
        };
}
