namespace TestHarness.Agents;

/// <summary>
/// A TCP connection whose near end is in the guest. Disposing it closes it; what was written before still goes to the peer.
/// </summary>
internal sealed class AgentTcpStream(AgentStream stream, string peer) : AgentOneWayStream
{
    /// <summary>Gets the peer's address and port, as the guest sees them.</summary>
    public string Peer => peer;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        stream.Output.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        stream.Input.WriteAsync(buffer, cancellationToken);

    /// <summary>Ends the sending direction; the other stays.</summary>
    public void CompleteWriting() => stream.Input.Dispose();

    protected override void Dispose(bool disposing)
    {
        stream.Kill();
        base.Dispose(disposing);
    }
}
