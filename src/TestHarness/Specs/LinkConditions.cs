namespace TestHarness;

/// <summary>
/// How a network carries frames in one direction. What is set for a network, for a machine and for a direction between two machines all
/// takes effect, one after the other. Frames keep their order while conditions stay, but for <see cref="Reordering"/>. Shares are 0 to 1
/// of the frames.
/// </summary>
public sealed record LinkConditions
{
    /// <summary>Gets how much later a frame arrives. Default: zero.</summary>
    public TimeSpan Latency { get; init; }

    /// <summary>
    /// Gets by how much the latency varies at most, evenly to both sides; none arrives before it was sent. Default: zero.
    /// </summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Gets the share of frames that are lost. Default: 0.</summary>
    public double Loss { get; init; }

    /// <summary>
    /// Gets how many frames in a row are lost on average, where one is: 1 or more. <see cref="Loss"/> stays the share of all frames (the
    /// model of Gilbert). Default: 1, each by itself.
    /// </summary>
    public double LossBurst { get; init; } = 1;

    /// <summary>Gets the share of frames that arrive twice. Default: 0.</summary>
    public double Duplication { get; init; }

    /// <summary>Gets the share of frames that later ones overtake: they arrive 10 ms later, or by the latency later, if that is more.
    /// Default: 0.</summary>
    public double Reordering { get; init; }

    /// <summary>Gets the share of frames in which one bit is turned over, anywhere behind the addresses. Default: 0.</summary>
    public double Corruption { get; init; }

    /// <summary>Gets how much is carried, in bits a second. Default: <see langword="null"/>, as much as comes.</summary>
    public long? BitsPerSecond { get; init; }

    /// <summary>
    /// Gets how many bytes may wait where <see cref="BitsPerSecond"/> holds them up; what comes then is lost. Default: 262,144.
    /// </summary>
    public int QueueBytes { get; init; } = 256 * 1024;

    /// <summary>
    /// Gets the largest IP packet that is carried, in bytes; a larger one vanishes, and nobody is told (a black hole of path MTU
    /// discovery). Default: <see langword="null"/>, all are carried.
    /// </summary>
    public int? LargestPacket { get; init; }
}
