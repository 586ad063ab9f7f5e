namespace TestHarness;

/// <summary>Runs a step on one machine of a cluster (<see cref="SetupStep.On"/>).</summary>
/// <param name="Machine">The machine's name in the cluster.</param>
/// <param name="Step">The step.</param>
public sealed record OnStep(string Machine, SetupStep Step) : SetupStep
{
    internal override bool IsOfCluster => true;

    internal override IEnumerable<string?> Content => ["on", Machine, .. Step.Content];

    private protected override string Describe() => $"{Machine}: {Step.Title}";
}
