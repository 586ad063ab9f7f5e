using FluentAssertions;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class TimeLimitsTests
{
    [Theory]
    [InlineData(60, 1, 60)]
    [InlineData(60, 2.5, 150)]
    [InlineData(60, 0.1, 60)]
    [InlineData(60, -3, 60)]
    [InlineData(60, double.NaN, 60)]
    [InlineData(60, 11, 600)]
    [InlineData(60, double.PositiveInfinity, 600)]
    [InlineData(0, 5, 0)]
    public void Scales_a_default_but_never_below_it_nor_beyond_ten_times(double seconds, double scale, double expected) =>
        TimeLimits.Scale(TimeSpan.FromSeconds(seconds), scale).Should().Be(TimeSpan.FromSeconds(expected));

    [Fact]
    public void Leaves_an_infinite_limit_infinite()
    {
        TimeLimits.Scale(Timeout.InfiniteTimeSpan, 5).Should().Be(Timeout.InfiniteTimeSpan);
        TimeLimits.Scale(TimeSpan.MaxValue, 5).Should().Be(TimeSpan.MaxValue);
    }

    [Fact]
    public void Measures_by_the_reference_machine()
    {
        TimeLimits.ScaleOf(Took(TimeLimits.ReferenceMilliseconds * 3)).Should().BeApproximately(3, 1e-9);
        TimeLimits.ScaleOf(Took(1)).Should().Be(1, "a faster host does not shorten limits");
        TimeLimits.ScaleOf(Took(1e9)).Should().Be(TimeLimits.LargestScale);
        TimeLimits.ScaleOf(new AcceleratorProof("hung", Hung: true)).Should().Be(TimeLimits.LargestScale);
        TimeLimits.ScaleOf(new AcceleratorProof("QEMU ended")).Should().Be(1);
        TimeLimits.ScaleOf(new AcceleratorProof(null, 1)).Should().Be(1, "a host without a counter tells no speed");
    }

    private static AcceleratorProof Took(double milliseconds) => new(null, 1) { Milliseconds = milliseconds };
}
