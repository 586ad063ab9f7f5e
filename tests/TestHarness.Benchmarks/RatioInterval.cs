namespace TestHarness.Benchmarks;

/// <summary>
/// How much longer one of two things takes, from ratios that do not depend on each other: the Hodges-Lehmann estimate of the ratio and
/// Wilcoxon's 95 % interval, which a few samples that a busy host has spoilt move hardly (Hollander, Wolfe, Chicken: Nonparametric
/// Statistical Methods, section 3.2 and 3.3).
/// </summary>
/// <param name="Ratio">The ratio.</param>
/// <param name="Low">The lower end of its interval.</param>
/// <param name="High">The upper end of its interval.</param>
internal readonly record struct RatioInterval(double Ratio, double Low, double High)
{
    // Of the normal distribution, for 95 %.
    private const double Quantile = 1.96;

    public static RatioInterval Of(IReadOnlyList<double> ratios)
    {
        double[] differences = [.. ratios.Select(ratio => Math.Log(ratio))];
        double[] averages = [.. differences.SelectMany((one, index) => differences[index..].Select(other => (one + other) / 2)).Order()];
        int n = differences.Length;
        double spread = Quantile * Math.Sqrt(n * (n + 1.0) * (2 * n + 1) / 24);
        int skipped = Math.Max(0, (int)Math.Floor((n * (n + 1.0) / 4) - spread));
        return new(Math.Exp(Metric.MedianOf(averages)), Math.Exp(averages[skipped]), Math.Exp(averages[^(skipped + 1)]));
    }
}
