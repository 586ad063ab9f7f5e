using System.Net;
using System.Net.Sockets;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Networks;

/// <summary>Joins a connection from the guest to one endpoint of the host.</summary>
internal static class HostRelay
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    /// <summary>Carries bytes both ways until each has ended; an end in one direction is passed on.</summary>
    /// <exception cref="SocketException">The host's end can't be reached.</exception>
    /// <exception cref="IOException">One side broke the connection.</exception>
    public static async Task RunAsync(AgentTcpStream guest, EndPoint host, CancellationToken cancellationToken)
    {
        using Socket socket = await ConnectAsync(host, cancellationToken).ConfigureAwait(false);
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var stream = new NetworkStream(socket, ownsSocket: false);
        await using (stream.ConfigureAwait(false))
        {
            Task toHost = CarryAsync(guest, stream, () => socket.Shutdown(SocketShutdown.Send), broken);
            Task toGuest = CarryAsync(stream, guest, guest.CompleteWriting, broken);
            await Task.WhenAll(toHost, toGuest).ConfigureAwait(false);
        }
    }

    // A service on localhost may listen on one of its two addresses only, and a host's own list of names need not have both.
    private static async Task<Socket> ConnectAsync(EndPoint host, CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(ConnectLimit, cancellationToken);
        if (
            host is not DnsEndPoint { AddressFamily: AddressFamily.Unspecified } name
            || !name.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        )
            return await ConnectOnceAsync(host, limit.Token).ConfigureAwait(false);
        try
        {
            return await ConnectOnceAsync(new IPEndPoint(IPAddress.Loopback, name.Port), limit.Token).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            return await ConnectOnceAsync(new IPEndPoint(IPAddress.IPv6Loopback, name.Port), limit.Token).ConfigureAwait(false);
        }
    }

    private static async Task<Socket> ConnectOnceAsync(EndPoint host, CancellationToken cancellationToken)
    {
        Socket socket = Make(host);
        try
        {
            await socket.ConnectAsync(host, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Host names may have addresses of both families.
    private static Socket Make(EndPoint host) =>
        host switch
        {
            UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            IPEndPoint address => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
            _ => new Socket(SocketType.Stream, ProtocolType.Tcp),
        };

    // Where one direction breaks the other one can't go on.
    private static async Task CarryAsync(Stream from, Stream to, Action end, CancellationTokenSource broken)
    {
        try
        {
            await from.CopyToAsync(to, broken.Token).ConfigureAwait(false);
            end();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await broken.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }
}
