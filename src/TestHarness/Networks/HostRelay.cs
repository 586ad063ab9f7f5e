using System.Net;
using System.Net.Sockets;
using TestHarness.Guest;

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
        using Socket socket = Make(host);
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            limit.CancelAfter(ConnectLimit);
            await socket.ConnectAsync(host, limit.Token).ConfigureAwait(false);
        }

        using var broken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var stream = new NetworkStream(socket, ownsSocket: false);
        await using (stream.ConfigureAwait(false))
        {
            Task toHost = CarryAsync(guest, stream, () => socket.Shutdown(SocketShutdown.Send), broken);
            Task toGuest = CarryAsync(stream, guest, guest.CompleteWriting, broken);
            await Task.WhenAll(toHost, toGuest).ConfigureAwait(false);
        }
    }

    // Host names may have addresses of both families.
    private static Socket Make(EndPoint host) => host switch
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
