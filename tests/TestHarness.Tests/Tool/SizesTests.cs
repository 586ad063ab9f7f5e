using FluentAssertions;
using TestHarness.Tool;
using Xunit;

namespace TestHarness.Tests.Tool;

public sealed class SizesTests
{
    [Theory]
    [InlineData("512", 512)]
    [InlineData("512M", 512)]
    [InlineData("512MiB", 512)]
    [InlineData("2G", 2048)]
    [InlineData("1.5g", 1536)]
    [InlineData("1T", 1024 * 1024)]
    [InlineData("2048K", 2)]
    public void Are_read_as_people_write_them(string text, int mebibytes) => Sizes.Mebibytes(text, "--memory").Should().Be(mebibytes);

    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("-1G")]
    [InlineData("0")]
    [InlineData("1K")]
    [InlineData("1.0001M")]
    [InlineData("12Q")]
    [InlineData("1e3")]
    [InlineData("99999T")]
    public void That_are_none_are_refused_by_name(string text) =>
        FluentActions
            .Invoking(() => Sizes.Mebibytes(text, "--memory"))
            .Should()
            .Throw<ToolException>()
            .WithMessage($"--memory is \"{text}\", which is no size: write 512M, 2G or 1.5G*")
            .Which.ExitCode.Should()
            .Be(2);

    [Fact]
    public void In_constraints_say_what_is_not_known()
    {
        Constraints constraints = Constraints.Parse("mem=2G  cores=2 arch=amd64 tags=fast");

        (constraints.MemoryMiB, constraints.Cpus).Should().Be((2048, 2));
        constraints.Warnings.Should().ContainSingle().Which.Should().Contain("tags is not known");
    }

    [Theory]
    [InlineData("mem=32M", "The constraint mem is 32M: the minimum is 64M.")]
    [InlineData("cores=0", "The constraint cores is 0: the minimum is 1.")]
    [InlineData("arch=riscv64", "The constraint arch is riscv64: images are for amd64.")]
    [InlineData("mem", "--constraints has \"mem\": write NAME=VALUE, as in mem=2G cores=2.")]
    public void In_constraints_are_held_to_their_minimum(string text, string message) =>
        FluentActions.Invoking(() => Constraints.Parse(text)).Should().Throw<ToolException>().WithMessage(message);
}
