using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class KernelCommandLineTests
{
    [Theory]
    [InlineData("root=/dev/vda rw", "", "amd64", Display.Standard, "root=/dev/vda rw console=tty0 console=ttyS0")]
    [InlineData("root=/dev/vda rw", "", "arm64", Display.Standard, "root=/dev/vda rw console=tty0 console=ttyAMA0")]
    [InlineData("root=/dev/vda rw", "", "amd64", Display.None, "root=/dev/vda rw console=ttyS0")]
    [InlineData(
        "BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=1-2 ro quiet initrd=/initrd.img",
        "",
        "amd64",
        Display.None,
        "root=UUID=1-2 ro quiet console=ttyS0"
    )]
    [InlineData("root=/dev/vda rw quiet", "root=/dev/vdb", "amd64", Display.None, "rw quiet root=/dev/vdb console=ttyS0")]
    [InlineData("root=/dev/vda ro", "rw init=/bin/sh", "amd64", Display.None, "root=/dev/vda rw init=/bin/sh console=ttyS0")]
    [InlineData(
        "root=/dev/vda console=ttyS0,115200n8 console=tty0",
        "",
        "amd64",
        Display.Standard,
        "root=/dev/vda console=tty0 console=ttyS0,115200n8"
    )]
    [InlineData("console=tty0 console=ttyS0", "", "amd64", Display.Standard, "console=tty0 console=ttyS0")]
    [InlineData("root=/dev/vda", "x=\"a b\" y", "amd64", Display.None, "root=/dev/vda x=\"a b\" y console=ttyS0")]
    [InlineData("root=/dev/vda -- single", "quiet", "amd64", Display.None, "root=/dev/vda quiet console=ttyS0 -- single")]
    [InlineData("  root=/dev/vda \t rw  ", "", "amd64", Display.None, "root=/dev/vda rw console=ttyS0")]
    [InlineData(
        "root=/dev/vda",
        "video=800x600",
        "amd64",
        Display.Deterministic,
        "video=1024x768 fbcon=font:VGA8x16 vt.global_cursor_default=0 consoleblank=0 logo.nologo root=/dev/vda video=800x600 console=ttyS0"
    )]
    public void Joins_and_normalises(string image, string own, string architecture, Display display, string expected) =>
        KernelCommandLine.Build([image, own], architecture, display).Should().Be(expected);

    [Fact]
    public void Names_the_known_architectures_when_it_does_not_know_one()
    {
        Action build = () => KernelCommandLine.Build([""], "riscv64", Display.None);
        build.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*amd64, arm64*");
    }
}
