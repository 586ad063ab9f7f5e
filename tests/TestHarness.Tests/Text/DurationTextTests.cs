using FluentAssertions;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("90s", 90_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("250ms", 250)]
    [InlineData("1d1ms", 86_400_001)]
    public void A_time_is_a_number_with_its_unit(string text, int milliseconds) =>
        DurationText.TryParse(text).Should().Be(TimeSpan.FromMilliseconds(milliseconds));

    [Theory]
    [InlineData("")]
    [InlineData("90")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1 s")]
    [InlineData("99999999999999d")]
    public void All_else_is_none(string text) => DurationText.TryParse(text).Should().BeNull();

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(90, "1m30s")]
    [InlineData(0.25, "250ms")]
    [InlineData(90061.001, "1d1h1m1s1ms")]
    public void What_is_written_is_read_as_the_same(double seconds, string text)
    {
        var span = TimeSpan.FromSeconds(seconds);

        DurationText.Write(span).Should().Be(text);
        DurationText.TryParse(text).Should().Be(span);
    }
}
