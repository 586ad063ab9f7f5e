namespace TestHarness;

/// <summary>What the clocks of a cluster's machines say once it goes on from a save: its set-up's, a checkpoint, a fork.</summary>
public enum ClusterClock
{
    /// <summary>They go on from the save: for the software in it no time has passed, so it keeps what it has formed.</summary>
    Kept,

    /// <summary>They are set to the host's time, as a single machine's is.</summary>
    Host,
}
