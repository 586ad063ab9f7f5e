using TestHarness.Qemu;

namespace TestHarness;

// The default limits grow with how slow the accelerator was measured to be; a user's own are what they are.
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan LongestPrompt = TimeSpan.FromSeconds(20);

    private TimeSpan StartLimit => Spec.StartTimeout ?? Scaled(TimeSpan.FromMinutes(3));

    private TimeSpan StopLimit => Spec.StopTimeout ?? Scaled(TimeSpan.FromMinutes(1));

    private TimeSpan NoProgressLimit => Spec.NoProgressTimeout ?? Scaled(TimeSpan.FromSeconds(30));

    private TimeSpan NoWayInLimit => NoProgressLimit < LongestPrompt ? NoProgressLimit : LongestPrompt;

    /// <summary>A default limit on this host.</summary>
    internal TimeSpan Scaled(TimeSpan limit) => TimeLimits.Scale(limit, _choice?.LimitScale ?? 1);
}
