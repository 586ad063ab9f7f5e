using System.Text;
using FluentAssertions;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

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

    [Theory]
    [InlineData("why\na\nb\nc", "why\n[… 1 lines …]\nb\nc")]
    [InlineData("why\nb\nc", "why\nb\nc")]
    [InlineData("a\nwhy\nc", "why\nc")]
    [InlineData("a\nb\nc", "b\nc")]
    public void Begins_with_the_line_that_tells_what_it_was(string text, string expected) =>
        TextTail.Of(text, 2, "why").Should().Be(expected);

    [Trait("Speed", "Slow")]
    [Fact]
    public void Is_short_however_long_a_line_is() =>
        TextTail.Of(new string('x', 100_000_000) + "end", 40).Should().HaveLength(8000).And.EndWith("xend");
}
