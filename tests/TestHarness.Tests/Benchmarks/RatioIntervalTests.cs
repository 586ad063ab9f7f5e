using FluentAssertions;
using TestHarness.Benchmarks;
using Xunit;

namespace TestHarness.Tests.Benchmarks;

public sealed class RatioIntervalTests
{
    [Theory]
    [InlineData(1.0)]
    [InlineData(1.1)]
    public void Holds_the_ratio_that_the_samples_were_made_with(double ratio)
    {
        RatioInterval interval = RatioInterval.Of(Pairs(ratio));
        interval.Low.Should().BeLessThan(ratio);
        interval.High.Should().BeGreaterThan(ratio);
        (interval.High / interval.Low).Should().BeLessThan(1.05);
    }

    [Fact]
    public void Is_hardly_moved_by_samples_that_a_busy_host_has_spoilt()
    {
        List<(double Mine, double Other)> pairs = Pairs(1.0);
        pairs[3] = (pairs[3].Mine * 100, pairs[3].Other);
        pairs[7] = (pairs[7].Mine * 100, pairs[7].Other);
        RatioInterval.Of(pairs).High.Should().BeLessThan(1.05);
    }

    // With a noise of some percent.
    private static List<(double Mine, double Other)> Pairs(double ratio)
    {
        var random = new Random(1);
        double Noise() => 1 + ((random.NextDouble() - 0.5) / 10);
        return [.. Enumerable.Range(0, 30).Select(_ => (ratio * 100 * Noise(), 100 * Noise()))];
    }
}
