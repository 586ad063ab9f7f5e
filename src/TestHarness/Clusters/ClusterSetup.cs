using TestHarness.Machines;
using TestHarness.Text;

namespace TestHarness.Clusters;

/// <summary>Runs the steps of a cluster's set-up, once its machines are up.</summary>
internal static class ClusterSetup
{
    private static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <exception cref="MachineStartException">A step failed.</exception>
    public static async Task RunAsync(Cluster cluster, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        SetupStep[] steps = [.. cluster.Spec.Setup.Select(step => step is UntilStep until ? Asking(cluster, until) : step)];
        foreach ((int index, SetupStep step) in steps.Index())
        {
            // A wait for all is told with the first one's evidence.
            string machine = step is OnStep on ? on.Machine : cluster.Spec.Machines[0].Key;
            await new SetupRunner(cluster[machine]).RunStepAsync(steps, index, progress, cancellationToken).ConfigureAwait(false);
        }
    }

    private static DoStep Asking(Cluster cluster, UntilStep until) => new(until.Label, async (_, cancellationToken) =>
        {
            TimeSpan pause = FirstPause;
            while (!await until.Condition(cluster, cancellationToken).ConfigureAwait(false))
            {
                await Clock.System.Delay(pause, cancellationToken).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }) { Name = until.Title, Timeout = until.Timeout ?? cluster[cluster.Spec.Machines[0].Key].Operations.Scaled(WaitLimit) };
}
