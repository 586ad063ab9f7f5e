namespace TestHarness.Networks.Ethernet;

/// <summary>The far end of a port, which takes a stream of frames.</summary>
internal interface IFrameSink
{
    /// <summary>Takes what it has room for, at once; the rest comes again.</summary>
    /// <param name="bytes">A part of the stream.</param>
    /// <returns>How many bytes it took.</returns>
    int TrySend(ReadOnlySpan<byte> bytes);

    /// <summary>Waits until it may take more. Returns also when the limit is over, or it is gone.</summary>
    /// <param name="limit">The limit.</param>
    void WaitForRoom(TimeSpan limit);
}
