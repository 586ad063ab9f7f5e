namespace TestHarness;

/// <summary>Makes a port of the guest reachable on the host's 127.0.0.1.</summary>
/// <param name="GuestPort">The port in the guest, 1 to 65535.</param>
public sealed record PortForward(int GuestPort)
{
    /// <summary>Gets the port on the host, or 0 for one that the kernel picks, so that nobody else can have it. Default: 0.</summary>
    public int HostPort { get; init; }

    /// <summary>Gets the protocol. Default: <see cref="ForwardProtocol.Tcp"/>.</summary>
    public ForwardProtocol Protocol { get; init; } = ForwardProtocol.Tcp;
}
