namespace TestHarness;

/// <summary>Why a frame was not carried.</summary>
public enum DropCause
{
    /// <summary>The receiver did not take frames as fast as they came.</summary>
    QueueFull,

    /// <summary>It is shorter than an Ethernet header.</summary>
    Malformed,

    /// <summary>It says that it comes from another machine's card.</summary>
    ForgedSource,

    /// <summary>Nothing is at the port: its machine has not started, has ended, or its cable is pulled.</summary>
    NotConnected,

    /// <summary>The test asked for a loss.</summary>
    Loss,

    /// <summary>The test cut the way, or put the cluster back to a checkpoint.</summary>
    Cut,

    /// <summary>It has more bytes than the test lets through.</summary>
    TooLarge,
}
