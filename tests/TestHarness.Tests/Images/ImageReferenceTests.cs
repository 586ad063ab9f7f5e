using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

public sealed class ImageReferenceTests
{
    private const string Sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("tiny", "Recipe")]
    [InlineData("./images/mine", "Recipe")]
    [InlineData("images/qcow2", "Recipe")]
    [InlineData("disk.qcow2", "File")]
    [InlineData("../a/DISK.RAW", "File")]
    [InlineData("/a:b/disk.qcow2", "File")]
    [InlineData("https://example.org/disk.qcow2", "Address")]
    [InlineData("HTTP://127.0.0.1:8080/disk.raw?x=1", "Address")]
    [InlineData("file:///srv/disk.raw", "Address")]
    public void Is_told_by_the_way_it_is_written(string image, string kind) =>
        ImageReference.Of(new MachineSpec { Image = image }).Kind.ToString().Should().Be(kind);

    [Theory]
    [InlineData("a/disk.qcow2", null, DiskFormat.Qcow2)]
    [InlineData("a/disk.raw", null, DiskFormat.Raw)]
    [InlineData("a/disk.img", DiskFormat.Qcow2, DiskFormat.Qcow2)]
    [InlineData("a/disk", DiskFormat.Raw, DiskFormat.Raw)]
    [InlineData("https://example.org/disk.raw?name=x.qcow2", null, DiskFormat.Raw)]
    [InlineData("https://example.org/latest", DiskFormat.Qcow2, DiskFormat.Qcow2)]
    public void Has_the_format_that_ending_or_spec_state(string image, DiskFormat? stated, DiskFormat expected) =>
        ImageReference.Of(new MachineSpec { Image = image, ImageFormat = stated }).Format.Should().Be(expected);

    [Fact]
    public void Accepts_what_belongs_together()
    {
        foreach (
            MachineSpec spec in (MachineSpec[])
                [
                    new(),
                    new() { Image = "a/disk.qcow2" },
                    new()
                    {
                        Image = "a/disk.qcow2",
                        Kernel = "k",
                        Initrd = "i",
                        KernelArguments = "root=/dev/vda",
                        Type = MachineType.Microvm,
                    },
                    new()
                    {
                        Image = "a/disk.img",
                        ImageFormat = DiskFormat.Raw,
                        Firmware = Firmware.Bios,
                    },
                    new()
                    {
                        Image = "https://example.org/disk.raw",
                        ImageSha256 = Sum.ToUpperInvariant(),
                        Firmware = Firmware.Uefi,
                    },
                    new()
                    {
                        Image = "http://127.0.0.2:80/disk.raw",
                        ImageSha256 = Sum,
                        Kernel = "k",
                    },
                    new()
                    {
                        Image = "http://[::1]/disk.raw",
                        ImageSha256 = Sum,
                        Kernel = "k",
                    },
                ]
        )
            ImageReference.Problems(spec).Should().BeEmpty(spec.ToString());
    }

    [Fact]
    public void Names_what_does_not()
    {
        MachineSpec disk = new() { Image = "a/disk.raw" },
            address =
                new()
                {
                    Image = "https://example.org/disk.raw",
                    ImageSha256 = Sum,
                    Kernel = "k",
                };
        (MachineSpec Spec, string Problem)[] all =
        [
            (new() { Firmware = Firmware.Uefi }, "Firmware is Uefi: the disks of recipes have no boot loader"),
            (new() { Kernel = "k" }, "Kernel and Initrd are for a disk of your own"),
            (new() { ImageSha256 = Sum }, "ImageSha256 is for images that are fetched: a recipe is built."),
            (disk with { ImageSha256 = Sum }, "write its address (file:///…)"),
            (disk with { Image = "a/disk.img" }, "ImageFormat is missing: the image's ending does not say its format"),
            (disk with { Image = "a\0.raw" }, "Image has a zero character in it"),
            (disk with { Firmware = (Firmware)9 }, "Firmware is 9: Kernel, Bios and Uefi are possible."),
            (disk with { Firmware = Firmware.Bios, Initrd = "i" }, "Kernel and Initrd are not used with Firmware = Bios"),
            (disk with { Firmware = Firmware.Uefi, KernelArguments = "quiet" }, "KernelArguments are not used with Firmware = Uefi"),
            (disk with { Firmware = Firmware.Bios, Type = MachineType.Microvm }, "Type is Microvm, which has no firmware of the kind Bios"),
            (address with { Kernel = null }, "Kernel is missing: nothing lies beside an image that is fetched."),
            (address with { ImageSha256 = null }, "ImageSha256 is missing: an image that is fetched needs the sum that it has to have"),
            (address with { ImageSha256 = "e3b0" }, "ImageSha256 is \"e3b0\": a SHA-256 has 64 hexadecimal digits."),
            (address with { Image = "https://example.org/latest" }, "ImageFormat is missing"),
            (
                address with
                {
                    Image = "http://example.org/disk.raw",
                },
                "http: is for this machine's own 127.0.0.1 or [::1]: on the way from elsewhere anybody could read"
            ),
            (address with { Image = "http://localhost/disk.raw" }, "http: is for this machine's own 127.0.0.1 or [::1]"),
            (
                address with
                {
                    Image = "ftp://example.org/disk.raw",
                },
                "an address begins with https:, file: or (this machine only) http:, not with \"ftp:\"."
            ),
            (address with { Image = "json:{\"driver\":\"raw\"}.raw" }, "not with \"json:\"."),
            (address with { Image = "nbd:localhost:10809/x.raw" }, "not with \"nbd:\"."),
            (address with { Image = "https://", ImageFormat = DiskFormat.Raw }, "\"https://\" is no valid address"),
            (address with { Image = "file://server/disk.raw" }, "file: takes an absolute path"),
            (address with { Image = "file:disk.raw" }, "file: takes an absolute path"),
            (address with { Image = "https://me:secret@example.org/disk.raw" }, "a user in an address is not sent"),
        ];
        foreach ((MachineSpec spec, string problem) in all)
            ImageReference.Problems(spec).Should().ContainSingle(spec.ToString()).Which.Should().Contain(problem);
    }
}
