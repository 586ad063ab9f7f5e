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
        RatioInterval interval = RatioInterval.Of(Ratios(ratio));
        interval.Low.Should().BeLessThan(ratio);
        interval.High.Should().BeGreaterThan(ratio);
        (interval.High / interval.Low).Should().BeLessThan(1.05);
    }

    [Fact]
    public void Is_hardly_moved_by_samples_that_a_busy_host_has_spoilt()
    {
        List<double> ratios = Ratios(1.0);
        ratios[3] *= 100;
        ratios[7] *= 100;
        RatioInterval.Of(ratios).High.Should().BeLessThan(1.05);
    }

    // With a noise of some percent.
    private static List<double> Ratios(double ratio)
    {
        var random = new Random(1);
        double Noise() => 1 + ((random.NextDouble() - 0.5) / 10);
        return [.. Enumerable.Range(0, 30).Select(_ => ratio * Noise() / Noise())];
    }
}
