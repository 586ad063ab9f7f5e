namespace TestHarness;

// The default limits grow with how slow the accelerator was measured to be; a user's own are what they are.
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan LongestPrompt = TimeSpan.FromSeconds(20);

    private TimeSpan StartLimit => Spec.StartTimeout ?? _operations.Scaled(TimeSpan.FromMinutes(3));

    private TimeSpan StopLimit => Spec.StopTimeout ?? _operations.Scaled(TimeSpan.FromMinutes(1));

    private TimeSpan NoProgressLimit => Spec.NoProgressTimeout ?? _operations.Scaled(TimeSpan.FromSeconds(30));

    private TimeSpan NoWayInLimit => NoProgressLimit < LongestPrompt ? NoProgressLimit : LongestPrompt;
}
