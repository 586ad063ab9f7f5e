namespace TestHarness.Clusters;

/// <summary>Tells the steps of one machine's start with its name before them.</summary>
internal sealed class ClusterProgress(string machine, IProgress<StartProgress> to) : IProgress<StartProgress>
{
    public static IProgress<StartProgress>? Of(string machine, IProgress<StartProgress>? to) =>
        to is null ? null : new ClusterProgress(machine, to);

    public void Report(StartProgress value) => to.Report(value with { Step = $"{machine}: {value.Step}" });
}
