using System.Text;
using System.Text.Json.Nodes;
using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>What a simplestreams source gives, and what of one is refused by name.</summary>
[Fault(
    "A package of some kilobytes claims gigabytes of attributes or names. A source's index names many or huge files, "
        + "or its signed file unpacks without end. A server sends more than there is room for.",
    "It is refused with the reason. The bounds are 64 KiB before a member, and 64 files and 16 MiB of a source. All "
        + "free room but 64 MiB may be used.",
    "DiskPackageTests"
)]
public sealed class ImageSourceTests : ImageSourceTestBase
{
    [Fact]
    public async Task Fetches_the_newest_of_a_series_and_keeps_the_one_before_it()
    {
        await using StreamTree tree = new StreamTree().Publish();

        StoredImage old = await SyncAsync(tree, new StreamQuery { Series = "22.04", Version = "20240101" });
        StoredImage image = await SyncAsync(tree, new StreamQuery { Series = "22.04" });
        StoredImage again = await SyncAsync(tree, new StreamQuery { Product = StreamTree.Product });

        (await File.ReadAllBytesAsync(image.Image.DiskPath, Token)).Should().Equal(tree.Files["server/20240301/disk.img"]);
        (image.Name, image.Image.DiskBytes, image.Description!.Format).Should().Be(("22.04-amd64", 2 * 1024 * 1024, DiskFormat.Qcow2));
        (old.Name, old.Image.DiskBytes).Should().Be(("22.04-amd64", 1024 * 1024));
        again.Image.DiskPath.Should().Be(image.Image.DiskPath);
        Store.FindDisk("22.04-amd64")!.Image.Key.Should().Be(image.Image.Key, "a name is its newest image");
        (await SyncAsync(tree, new StreamQuery { Series = "22.04", Version = "20240101" })).Image.Key.Should().Be(old.Image.Key);
        Store.FindDisk("22.04-amd64")!.Image.Key.Should().Be(old.Image.Key, "it is what was asked for last");
        tree.Requests.Count(request => request.Path.EndsWith("disk.img", StringComparison.Ordinal))
            .Should()
            .Be(2, "what is there is not fetched again");
        Store.All().Select(one => one.Name).Should().Equal("22.04-amd64", "22.04-amd64", "jammy-amd64");
    }

    [Fact]
    public async Task Believes_what_the_keyrings_key_has_signed_and_asks_for_nothing_else()
    {
        using var key = new SigningKey();
        await using StreamTree tree = new StreamTree().Publish(key);

        StoredImage image = await SyncAsync(tree, new StreamQuery { Series = "jammy" }, key.Keyring);

        image.Image.DiskBytes.Should().Be(2 * 1024 * 1024);
        tree.Requests.Select(request => Path.GetExtension(request.Path)).Should().Equal(".sjson", ".sjson", ".img");
    }

    [Theory]
    [InlineData("streams/v1/index.sjson")]
    [InlineData("streams/v1/com.example.cloud:released:download.sjson")]
    public async Task Refuses_a_file_that_was_changed_after_it_was_signed(string file)
    {
        using var key = new SigningKey();
        await using StreamTree tree = new StreamTree().Publish(key);
        tree.Files[file] = Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(tree.Files[file]).Replace("example", "exampel", StringComparison.Ordinal)
        );

        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            $"its file '{file}' has no good signature.*Keyring: {key.Keyring}*BAD signature*",
            key.Keyring
        );
    }

    [Fact]
    public async Task Refuses_anothers_signature_and_none()
    {
        using SigningKey key = new(),
            other = new();
        await using StreamTree tree = new StreamTree().Publish(other);

        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            "its file 'streams/v1/index.sjson' has no good signature.*",
            key.Keyring
        );
        tree.Files["streams/v1/index.sjson"] = tree.Files["streams/v1/index.json"];
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            "its file 'streams/v1/index.sjson' has no good signature.*",
            key.Keyring
        );
        tree.Files.Remove("streams/v1/index.sjson");
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            "its signed file 'streams/v1/index.sjson' could not be had, and with a keyring an unsigned one is not read.*404 Not Found*",
            key.Keyring
        );
    }

    [Fact]
    public async Task Reads_nothing_beside_what_was_signed()
    {
        using var key = new SigningKey();
        await using StreamTree tree = new StreamTree().Publish(key);
        byte[] signed = tree.Files["streams/v1/index.sjson"];
        tree.Files["streams/v1/index.sjson"] = [.. "{ \"index\": { \"x\": { \"path\": \"../evil\" } } }\n"u8, .. signed];

        (await SyncAsync(tree, new StreamQuery { Series = "jammy" }, key.Keyring)).Name.Should().Be("jammy-amd64");
    }

    [Fact]
    public async Task Refuses_a_keyring_of_text_before_it_asks_for_anything()
    {
        await using StreamTree tree = new StreamTree().Publish();
        string keyring = Path.Combine(Cache, "key.asc");
        await File.WriteAllTextAsync(keyring, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", Token);

        Func<Task> sync = () => SyncAsync(tree, new StreamQuery(), keyring);

        (await sync.Should().ThrowAsync<ImageException>()).WithMessage(
            "*it is armoured text, which gpgv does not take\nTry: gpg --dearmor*"
        );
        tree.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Refuses_a_disk_with_another_sum()
    {
        await using StreamTree tree = new();
        tree.Newest["sha256"] = new string('a', 64);
        tree.Publish();

        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            $"it is not what it should be.\nSHA-256 wanted: {new string('a', 64)}\nSHA-256 found: "
                + $"{StreamTree.Sum(tree.Files["server/20240301/disk.img"])}*"
        );
    }

    [Fact]
    public async Task Refuses_a_disk_that_is_longer_than_it_is_said_to_be()
    {
        await using StreamTree tree = new();
        tree.Newest["size"] = 1000;
        tree.Publish();

        await RefusedAsync(tree, new StreamQuery { Series = "jammy" }, "because it is longer than it may be.*1000 bytes are allowed");
    }

    [Fact]
    public async Task Refuses_a_disk_that_leads_to_a_file_of_this_host()
    {
        await using StreamTree tree = new();
        byte[] disk = StreamTree.Disk(2, "-u", "-F", "raw", "-b", "/etc/passwd");
        tree.Files["server/20240301/disk.img"] = disk;
        tree.Newest["sha256"] = StreamTree.Sum(disk);
        tree.Newest["size"] = disk.Length;
        tree.Publish();

        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            "its backing file is '/etc/passwd': it is not in the disk's own folder*"
        );
    }

    [Fact]
    public async Task Lists_what_there_is_where_a_product_a_version_or_an_item_is_missing()
    {
        await using StreamTree tree = new StreamTree().Publish();

        await RefusedAsync(
            tree,
            new StreamQuery { Series = "focal" },
            $"there is no product for series 'focal', architecture 'amd64'.\nProducts that exist:\n  {StreamTree.Product} (jammy, "
                + "22.04, amd64)\n  com.example.cloud:server:22.04:arm64 (jammy, 22.04, arm64)\n*"
        );
        await RefusedAsync(tree, new StreamQuery { Product = "x" }, "there is no product for 'x'.*");
        await RefusedAsync(tree, new StreamQuery(), "2 products are for architecture 'amd64'.\nProducts that fit:*Try: --product PRODUCT");
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy", Version = "19700101" },
            $"product '{StreamTree.Product}' has no item 'disk1.img' in version '19700101'.\nItems that exist:\n  20240301: "
                + "disk1.img, manifest\n  20240101:*"
        );
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy", Item = "disk.vmdk" },
            $"product '{StreamTree.Product}' has no item 'disk.vmdk'.*"
        );
    }

    [Fact]
    public async Task Goes_on_at_the_next_call_where_a_download_was_cut()
    {
        bool broken = true;
        await using StreamTree tree = new StreamTree().Publish();
        tree.Change = (path, answer) =>
            answer with
            {
                CutAfter =
                    broken && path.EndsWith(".img", StringComparison.Ordinal)
                        ? answer.Body.Length > 100_000
                            ? 100_000
                            : 0
                        : null,
            };

        Func<Task> cut = () => SyncAsync(tree, new StreamQuery { Series = "jammy" });
        (await cut.Should().ThrowAsync<ImageException>()).WithMessage(
            "*the server did not answer, or broke off, 5 times in a row.*Try: start again: what has come is kept*"
        );
        Store.All().Should().BeEmpty();
        broken = false;
        var steps = new List<string>();
        await SyncAsync(tree, new StreamQuery { Series = "jammy" }, progress: new Steps(steps));

        tree.Requests.Last().From.Should().BeGreaterThan(0);
        steps.Should().Contain(step => step.EndsWith("bytes are there from a download that was cut"));
    }

    [Theory]
    [InlineData("http://192.0.2.1/releases")]
    [InlineData("file:///tmp")]
    [InlineData("https://user@example.org/")]
    [InlineData("releases")]
    public void Refuses_an_address_that_is_none_for_a_source(string address) =>
        FluentActions
            .Invoking(() => new ImageSource(address, null))
            .Should()
            .Throw<ImageException>()
            .WithMessage($"Image source '{address}': it can't be read.*");

    private sealed class Steps(List<string> all) : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => all.Add(value.Step);
    }
}
