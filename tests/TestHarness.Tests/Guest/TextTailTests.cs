using System.Text;
using FluentAssertions;
using TestHarness.Guest;
using Xunit;

namespace TestHarness.Tests.Guest;

public sealed class TextTailTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a", "a")]
    [InlineData("a\nb\n \n", "a\nb")]
    [InlineData("a\nb\nc", "b\nc")]
    [InlineData("\n\nc", "\nc")]
    [InlineData("\nc", "\nc")]
    public void Has_the_last_two_lines(string text, string expected)
    {
        TextTail.Of(text, 2).Should().Be(expected);
        TextTail.Of(Encoding.UTF8.GetBytes(text), 2).Should().Be(expected);
    }

    [Fact]
    public void Is_short_however_long_a_line_is() => TextTail.Of(new string('x', 100_000_000) + "end", 40).Should().HaveLength(8000).And.EndWith("xend");
}
