using TestHarness.Text;

namespace TestHarness.Clusters;

/// <summary>The time of a cluster's machines: the host's, or behind it by what has passed since they were saved.</summary>
/// <param name="clock">Which of them it is once the cluster has gone on from a save.</param>
internal sealed class ClusterTime(ClusterClock clock)
{
    private long _behind;

    /// <summary>By how much it is behind the host's.</summary>
    public TimeSpan Behind => TimeSpan.FromTicks(Interlocked.Read(ref _behind));

    public DateTimeOffset Now => Clock.System.GetUtcNow() - Behind;

    /// <summary>It is that of a save, and goes on from there, where clocks are kept.</summary>
    public void GoOnFrom(DateTimeOffset saved)
    {
        if (clock == ClusterClock.Kept)
            Interlocked.Exchange(ref _behind, (Clock.System.GetUtcNow() - saved).Ticks);
    }

    /// <summary>It is the host's.</summary>
    public void FollowHost() => Interlocked.Exchange(ref _behind, 0);
}
