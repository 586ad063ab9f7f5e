namespace TestHarness.Benchmarks;

/// <summary>What was measured, sample by sample.</summary>
internal sealed record Metric(string Name, string Unit, IReadOnlyList<double> Samples)
{
    public double Median => Samples.Order().ElementAt(Samples.Count / 2);
}
