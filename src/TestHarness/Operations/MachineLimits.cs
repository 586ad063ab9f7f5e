namespace TestHarness.Operations;

/// <summary>A machine's limits: the spec's own, or defaults that grow with how slow the accelerator was measured to be.</summary>
internal sealed class MachineLimits(MachineOperations machine)
{
    private static readonly TimeSpan LongestPrompt = TimeSpan.FromSeconds(20);

    public TimeSpan Start => machine.Spec.StartTimeout ?? machine.Scaled(TimeSpan.FromMinutes(3));

    public TimeSpan Stop => machine.Spec.StopTimeout ?? machine.Scaled(TimeSpan.FromMinutes(1));

    public TimeSpan NoProgress => machine.Spec.NoProgressTimeout ?? machine.Scaled(TimeSpan.FromSeconds(30));

    public TimeSpan NoWayIn => NoProgress < LongestPrompt ? NoProgress : LongestPrompt;
}
