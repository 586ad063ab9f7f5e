using System.Net;

namespace TestHarness;

/// <summary>
/// Lets the guest reach one service of the host, and nothing else of it: the guest's 127.0.0.1, and its ::1 where it has one, have a port
/// whose connections, or datagrams, the library makes on the host. Needs no network card.
/// </summary>
/// <param name="GuestPort">The port on the guest's 127.0.0.1, 1 to 65535.</param>
/// <param name="Host">The service, as this process reaches it: an <see cref="IPEndPoint"/>, a <see cref="DnsEndPoint"/> or a
/// <see cref="System.Net.Sockets.UnixDomainSocketEndPoint"/>. For the name <c>localhost</c> 127.0.0.1 is tried, then ::1.</param>
public sealed record GuestReach(int GuestPort, EndPoint Host)
{
    /// <summary>Gives the service a name in the guest, and the port that it has on the host.</summary>
    /// <param name="name">The name, which goes to the guest's <c>/etc/hosts</c>.</param>
    /// <param name="host">The service.</param>
    public GuestReach(string name, IPEndPoint host)
        : this(host?.Port ?? 0, host!) => Name = name;

    /// <summary>Gets the protocol. Default: <see cref="ForwardProtocol.Tcp"/>.</summary>
    public ForwardProtocol Protocol { get; init; } = ForwardProtocol.Tcp;

    /// <summary>
    /// Gets the host name that leads to 127.0.0.1 in the guest, by its <c>/etc/hosts</c>. Default: <see langword="null"/>, none.
    /// </summary>
    public string? Name { get; init; }
}
