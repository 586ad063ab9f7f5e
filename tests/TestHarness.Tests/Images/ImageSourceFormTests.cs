using System.Text;
using System.Text.Json.Nodes;
using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>Sources that are malformed, endless, or point elsewhere.</summary>
public sealed class ImageSourceFormTests : ImageSourceTestBase
{
    [Theory]
    [InlineData("https://elsewhere.example/disk.img", "an address of its own")]
    [InlineData("//elsewhere.example/disk.img", "an absolute path")]
    [InlineData("/etc/passwd", "an absolute path")]
    [InlineData("server/../../secret", "a path with '..'*")]
    [InlineData("server\\..\\secret", "a path with characters that no path has")]
    public async Task Refuses_paths_that_point_outside_the_source(string path, string reason)
    {
        await using StreamTree tree = new();
        tree.Newest["path"] = path;
        tree.Publish();
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            $"its file 'streams/v1/com.example.cloud:released:download.json' points outside the source.\nPath: {path}\nReason: it "
                + $"is {reason}"
        );

        tree.Index["index"]!["com.example.cloud:released:download"]!["path"] = path;
        tree.Publish();
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            $"its file 'streams/v1/index.json' points outside the source.\nPath: {path}\nReason: it is {reason}"
        );
    }

    [Theory]
    [InlineData("{ \"index\": ", "*")]
    [InlineData("{ \"index\": { \"x\\ud800\": {} } }", "*")]
    [InlineData("[]", "it has no object 'index'")]
    [InlineData("{ \"index\": [] }", "it has no object 'index'")]
    [InlineData("{ \"index\": { \"x\": 1 } }", "it names no products with images to download*")]
    [InlineData(
        "{ \"index\": { \"x\": { \"datatype\": \"image-downloads\", \"format\": \"products:1.0\", \"path\": 1 } } }",
        "an entry has no path"
    )]
    public async Task Refuses_a_malformed_index(string json, string reason)
    {
        await using StreamTree tree = new StreamTree().Publish();
        tree.Files["streams/v1/index.json"] = Encoding.UTF8.GetBytes(json);

        await RefusedAsync(tree, new StreamQuery { Series = "jammy" }, $"its file 'streams/v1/index.json' is malformed.\nReason: {reason}");
    }

    [Fact]
    public async Task Reads_no_more_of_a_source_than_any_has()
    {
        await using StreamTree tree = new StreamTree().Publish();
        const string Products = "streams/v1/com.example.cloud:released:download.json";
        tree.Files[Products] = [.. Enumerable.Repeat((byte)' ', 17 * 1024 * 1024)];
        await RefusedAsync(tree, new StreamQuery { Series = "jammy" }, "because it is longer than it may be.*bytes are allowed");
        tree.Files[Products] = Encoding.UTF8.GetBytes($"[{string.Concat(Enumerable.Repeat("0,", 1_000_000))}0]");
        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            $"its file '{Products}' is malformed.\nReason: it has more than 1000000 values"
        );

        for (int i = 0; i < 64; i++)
            tree.Index["index"]![$"more{i}"] = new JsonObject
            {
                ["datatype"] = "image-downloads",
                ["format"] = "products:1.0",
                ["path"] = $"streams/v1/{i}.json",
            };
        tree.Publish();
        await RefusedAsync(tree, new StreamQuery { Series = "jammy" }, "its index names 65 files of products, and 64 are read at most.");
    }

    [Fact]
    public async Task Unpacks_no_signed_file_without_end()
    {
        using var key = new SigningKey();
        await using StreamTree tree = new StreamTree().Publish(key);
        tree.Files["streams/v1/index.sjson"] = key.Pack(new byte[64 * 1024 * 1024]);

        await RefusedAsync(
            tree,
            new StreamQuery { Series = "jammy" },
            "its file 'streams/v1/index.sjson' has no good signature.*",
            key.Keyring
        );
    }

    [Fact]
    public async Task Refuses_products_that_are_malformed()
    {
        await using StreamTree tree = new();
        tree.Newest["sha256"] = "short";
        tree.Publish();
        await RefusedAsync(tree, new StreamQuery { Series = "jammy" }, "is malformed.\nReason: item 'disk1.img' of product*has no SHA-256");

        ((JsonObject)tree.Products["products"]!)[StreamTree.Product]!["arch"] = "../amd64";
        tree.Newest["sha256"] = StreamTree.Sum(tree.Files["server/20240301/disk.img"]);
        tree.Publish();
        Func<Task> sync = () =>
            new ImageSource(tree.Address, null).SyncAsync(
                Store,
                new StreamQuery { Product = StreamTree.Product },
                "mine",
                DiskFormat.Qcow2,
                null,
                Token
            );
        (await sync.Should().ThrowAsync<ImageException>()).WithMessage(
            "*it can't be stored as it is described.\nReason: its architecture is '../amd64'"
        );

        ((JsonObject)tree.Products["products"]!)[StreamTree.Product] = "text";
        tree.Publish();
        await RefusedAsync(tree, new StreamQuery { Series = "jammy" }, "there is no product for*");
    }
}
