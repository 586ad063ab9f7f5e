using System.Net;
using System.Net.Sockets;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Networks;

/// <summary>
/// Joins a UDP port of the guest to one endpoint of the host. Each peer in the guest has a socket of its own here, so that answers find
/// back.
/// </summary>
/// <param name="host">The endpoint.</param>
/// <param name="note">Told of each new peer, and of what keeps its datagrams from the host.</param>
internal sealed class DatagramRelay(EndPoint host, Action<IPEndPoint, string> note)
{
    private const int MaxPeers = 128;

    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(1);

    private readonly Dictionary<IPEndPoint, Socket> _peers = [];

    /// <summary>Carries datagrams until the guest's port is lost.</summary>
    public async Task RunAsync(AgentDatagrams guest)
    {
        try
        {
            await foreach (AgentDatagram datagram in guest.ReadAsync(CancellationToken.None).ConfigureAwait(false))
                await PassOnAsync(guest, datagram).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AgentLostException or AgentException)
        {
            // The guest is gone, or starts anew.
        }

        lock (_peers)
        {
            foreach (Socket socket in _peers.Values)
                socket.Dispose();
            _peers.Clear();
        }
    }

    private async Task PassOnAsync(AgentDatagrams guest, AgentDatagram datagram)
    {
        try
        {
            if (await SocketOfAsync(guest, datagram.Peer).ConfigureAwait(false) is { } socket)
                await socket.SendAsync(datagram.Bytes, SocketFlags.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Lost, as datagrams are.
            note(datagram.Peer, e.Message);
        }
    }

    private async Task<Socket?> SocketOfAsync(AgentDatagrams guest, IPEndPoint peer)
    {
        lock (_peers)
        {
            if (_peers.TryGetValue(peer, out Socket? known) || _peers.Count >= MaxPeers)
                return known;
        }

        var socket = host is IPEndPoint address
            ? new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
            : new Socket(SocketType.Dgram, ProtocolType.Udp);
        try
        {
            await socket.ConnectAsync(host).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }

        lock (_peers)
            _peers.Add(peer, socket);
        note(peer, "ok");
        _ = AnswerAsync(guest, peer, socket);
        return socket;
    }

    private async Task AnswerAsync(AgentDatagrams guest, IPEndPoint peer, Socket socket)
    {
        var bytes = new byte[64 * 1024];
        try
        {
            while (guest.IsOpen)
            {
                using Deadline idle = Clock.System.Limit(Idle);
                int count = await socket.ReceiveAsync(bytes, SocketFlags.None, idle.Token).ConfigureAwait(false);
                guest.Send(new AgentDatagram(peer, bytes.AsMemory(0, count)));
            }
        }
        catch (SocketException e)
        {
            // Nobody is there; the next datagram gets a new socket.
            note(peer, e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // Silent for long, or the guest's port is lost.
        }

        lock (_peers)
            _peers.Remove(peer);
        socket.Dispose();
    }
}
