namespace TestHarness;

/// <summary>Waits until a cluster is in a state (<see cref="ClusterSteps.WaitUntil"/>).</summary>
/// <param name="Label">Its label.</param>
/// <param name="Condition">Says whether it is.</param>
public sealed record UntilStep(string Label, Func<Cluster, CancellationToken, Task<bool>> Condition) : SetupStep
{
    internal override bool IsOfCluster => true;

    internal override IEnumerable<string?> Content => ["until", Label];

    private protected override string Describe() => $"wait until {Label}";
}
