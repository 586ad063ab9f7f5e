using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using TestHarness.Goldens;
using TestHarness.Hosts;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Goldens;

/// <summary>
/// A file of the user's that is a pointer of Git LFS, because its content was not fetched, is named as one; nothing is compared with its
/// text, and nothing boots from it.
/// </summary>
[Collection(nameof(GoldenCollection))]
[Fault(
    "A file is a pointer of Git LFS, and its content was not fetched. The file is a golden (text, picture, mask, "
        + "areas), a disk, kernel, initrd, recipe, package or keyring.",
    "An error names the file and `git lfs pull`. Nothing is compared with the pointer's text, written over it, or " + "booted from it."
)]
public sealed class LfsPointerTests : IDisposable
{
    private const string Pointer =
        "version https://git-lfs.github.com/spec/v1\noid "
        + "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    private const string Named = "it is a pointer of Git LFS";
    private const string Remedy = "git lfs pull";

    private readonly GoldenSandbox _sandbox = new();
    private readonly Screenshot _shot = GoldenSandbox.Shot(GoldenSandbox.Screen());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _sandbox.Dispose();

    [Theory]
    [InlineData(Pointer, true)]
    [InlineData(
        "version https://git-lfs.github.com/spec/v1\next-0-foo sha256:1\noid "
            + "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 0\n",
        true
    )]
    [InlineData("version https://git-lfs.github.com/spec/v1\n", false)]
    [InlineData("$ cat pointer\n" + Pointer, false)]
    [InlineData(Pointer + "and more\n", false)]
    [InlineData("", false)]
    public void A_pointer_is_told_from_what_only_resembles_it(string content, bool expected) =>
        LfsPointer.Is(Encoding.UTF8.GetBytes(content)).Should().Be(expected);

    [Theory]
    [InlineData("verify")]
    [InlineData("missing")]
    [InlineData("update")]
    public void A_golden_text_is_named(string mode)
    {
        Write("LoginTests.Boots.motd.verified.txt");
        GoldenSandbox.SetMode(mode);

        FailsToRead(() => Golden.Match("hello", "motd"), "motd", "LoginTests.Boots.motd.verified.txt");

        _sandbox.Files.Should().Equal("LoginTests.Boots.motd.verified.txt");
    }

    [Theory]
    [InlineData("LoginTests.Boots.login.verified.png")]
    [InlineData("LoginTests.Boots.login.verified.json")]
    [InlineData("LoginTests.Boots.login.mask.png")]
    public void A_golden_picture_and_what_belongs_to_it_are_named(string name)
    {
        _sandbox.Add("LoginTests.Boots.login.verified.png", GoldenSandbox.Screen());
        Write(name);

        FailsToRead(() => Golden.Match(_shot, "login"), "login", name);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("png")]
    public void A_needle_is_named(string ending)
    {
        Directory.CreateDirectory(_sandbox.At("needles"));
        File.WriteAllText(
            _sandbox.At("needles/hello.json"),
            """{ "area": [ { "xpos": 35, "ypos": 295, "width": 70, "height": 24, "type": "match" } ], "tags": [ "hello" ] }"""
        );
        Write($"needles/hello.{ending}");

        FailsToRead(() => Golden.Match(_shot, "hello", new GoldenOptions { NeedleFolder = "needles" }), "hello", $"needles/hello.{ending}");
    }

    [Fact]
    public void The_difference_from_a_pointer_is_not_shown()
    {
        Write("A.b.c.verified.txt");
        File.WriteAllText(_sandbox.At("A.b.c.received.txt"), "hello\n");

        Action show = () => ReceivedDifference.Of(ReceivedFiles.List(_sandbox.Folder).Single());

        show.Should().Throw<InvalidDataException>().Which.Message.Should().Contain(Named);
    }

    [Theory]
    [InlineData(DiskFormat.Qcow2)]
    [InlineData(DiskFormat.Raw)]
    public void A_disk_is_named(DiskFormat format)
    {
        string disk = Write("disk.img");
        Action open = () => OwnDisk.Open(disk, disk, format);

        open.Should()
            .Throw<ImageException>()
            .Which.Message.Should()
            .Contain("a pointer of Git LFS (its content was not fetched)")
            .And.Contain($"Try: {Remedy}");
    }

    [Theory]
    [InlineData("vmlinuz")]
    [InlineData("initrd")]
    public void A_kernel_and_an_initrd_are_named(string name)
    {
        File.WriteAllBytes(_sandbox.At("disk.raw"), new byte[512]);
        File.WriteAllBytes(_sandbox.At("vmlinuz"), new byte[512]);
        Write(name);
        Action open = () => OwnImage.Open(new MachineSpec { Image = _sandbox.At("disk.raw") }, _sandbox.At("disk.raw"), DiskFormat.Raw);

        open.Should()
            .Throw<ImageException>()
            .Which.Message.Should()
            .Contain($"File: {_sandbox.At(name)}\nReason: {Named}")
            .And.Contain($"Try: {Remedy}");
    }

    [Theory]
    [InlineData("recipe.json")]
    [InlineData("beside")]
    public void A_recipe_and_its_files_are_named(string name)
    {
        File.WriteAllText(_sandbox.At("recipe.json"), "{}");
        Write(name);
        Action read = () => RecipeSource.Find(_sandbox.Folder).Read(name);

        read.Should().Throw<ImageException>().Which.Message.Should().Contain($"Reason: {Named}").And.Contain($"Try: {Remedy}");
    }

    [Fact]
    public async Task A_package_and_a_keyring_and_a_disk_that_is_copied_are_named()
    {
        string file = Write("package.tar.zst");
        var cache = new StoredImages(_sandbox.At("cache"));
        Func<Task> import = () => new DiskImport(cache, file, null).RunAsync(null, Token);
        Func<Task> copy = () =>
            new FetchedImages(_sandbox.At("cache")).GetAsync($"file://{file}", Convert.ToHexStringLower(SHA256.HashData([])), null, Token);

        foreach (Func<Task> use in (Func<Task>[])[import, copy])
            (await use.Should().ThrowAsync<ImageException>()).Which.Message.Should().Contain($"Reason: {Named}").And.Contain(Remedy);
        Action keyring = () => new Keyring("https://example.org", file).Require();
        keyring.Should().Throw<Exception>().Which.Message.Should().Contain(Named);
    }

    private static void FailsToRead(Action match, string golden, string file) =>
        match
            .Should()
            .Throw<GoldenMismatchException>()
            .Which.Message.Should()
            .StartWith($"The golden '{golden}' can't be read.\nReason: The file '")
            .And.Contain(file)
            .And.Contain(Named)
            .And.Contain(Remedy);

    private string Write(string name)
    {
        File.WriteAllText(_sandbox.At(name), Pointer);
        return _sandbox.At(name);
    }
}
