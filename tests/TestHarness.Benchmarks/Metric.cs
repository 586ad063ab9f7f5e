namespace TestHarness.Benchmarks;

/// <summary>What was measured, sample by sample.</summary>
internal sealed record Metric(string Name, string Unit, IReadOnlyList<double> Samples)
{
    public double Median => MedianOf(Samples);

    public static double MedianOf(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
