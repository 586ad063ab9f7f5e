using TestHarness.Networks.Ethernet;

namespace TestHarness;

/// <summary>What a machine's card has sent to its network and got from it, up to the moment of asking.</summary>
public sealed record NetworkTraffic
{
    internal NetworkTraffic(PortCounters counters)
    {
        (FramesSent, BytesSent) = (counters.FramesIn, counters.BytesIn);
        (FramesReceived, BytesReceived) = (counters.FramesOut, counters.BytesOut);
        Drops = Enum.GetValues<DropCause>()
            .Select(cause => (Cause: cause, Count: counters.Dropped(cause)))
            .Where(drop => drop.Count > 0)
            .ToDictionary(drop => drop.Cause, drop => drop.Count);
    }

    /// <summary>Gets the frames that the card has sent.</summary>
    public long FramesSent { get; }

    /// <summary>Gets their bytes.</summary>
    public long BytesSent { get; }

    /// <summary>Gets the frames that went to the card.</summary>
    public long FramesReceived { get; }

    /// <summary>Gets their bytes.</summary>
    public long BytesReceived { get; }

    /// <summary>Gets how many frames to the card, or from it, were not carried, by the cause. What did not happen is not there.</summary>
    public IReadOnlyDictionary<DropCause, long> Drops { get; }
}
