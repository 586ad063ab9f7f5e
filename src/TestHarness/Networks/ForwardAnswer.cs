using System.Net;
using System.Net.Sockets;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Networks;

/// <summary>Asks a forwarded TCP port until it really answers.</summary>
internal sealed class ForwardAnswer(GuestSession guest, int guestPort, IPEndPoint host)
{
    // Where QEMU's user network leads a forward that names no address of the guest
    // (https://www.qemu.org/docs/master/system/devices/net.html).
    private const string GuestAddress = "10.0.2.15";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // QEMU closes a connection that it has accepted as soon as the guest has refused it.
    private static readonly TimeSpan StaysOpen = TimeSpan.FromMilliseconds(100);

    // A guest whose network is not up yet does not refuse: it does not answer at all.
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(5);

    private string _met = "nothing: the guest has not answered yet";
    private string _elsewhere = "";

    public IPEndPoint Host => host;

    /// <summary>What the last attempt met, and where else the service was found to listen.</summary>
    public string LastSeen => _met + _elsewhere;

    public async Task<IPEndPoint> WaitAsync(CancellationToken cancellationToken)
    {
        while (!await AnswersAsync(cancellationToken).ConfigureAwait(false))
            await Clock.System.Delay(Pause, cancellationToken).ConfigureAwait(false);
        return host;
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        AgentConnection agent = await guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        using Deadline limit = Clock.System.Limit(AttemptLimit, cancellationToken);
        try
        {
            AgentTcpStream inside = await agent.ConnectAsync(GuestAddress, guestPort, limit.Token).ConfigureAwait(false);
            await inside.DisposeAsync().ConfigureAwait(false);
            _elsewhere = "";
            return await HoldsAsync(limit.Token).ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            _met = $"nothing answers inside the guest on {GuestAddress} port {guestPort} ({e.Message})";
            await LookElsewhereAsync(agent, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            _met = $"{host}: {e.Message}";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _met = $"no answer within {AttemptLimit.TotalSeconds:0} s, inside the guest or on {host}";
        }

        return false;
    }

    // Where the service is that does not answer on the card's address. A look that the deadline cuts off leaves what the one before it has
    // found.
    private async Task LookElsewhereAsync(AgentConnection agent, CancellationToken cancellationToken)
    {
        try
        {
            string? loopback = await FindLoopbackAsync(agent, cancellationToken).ConfigureAwait(false);
            _elsewhere = loopback is null
                ? ""
                : $"; the service listens on {loopback} port {guestPort} alone, where QEMU's forward does not lead: have it "
                    + $"listen on 0.0.0.0 or on {GuestAddress}";
        }
        catch (OperationCanceledException)
        {
            // The next attempt looks again, where there is one.
        }
    }

    private async Task<string?> FindLoopbackAsync(AgentConnection agent, CancellationToken cancellationToken)
    {
        foreach (string address in (string[])["127.0.0.1", "::1"])
        {
            try
            {
                AgentTcpStream inside = await agent.ConnectAsync(address, guestPort, cancellationToken).ConfigureAwait(false);
                await inside.DisposeAsync().ConfigureAwait(false);
                return address;
            }
            catch (AgentException)
            {
                // Not there, either.
            }
        }

        return null;
    }

    private async Task<bool> HoldsAsync(CancellationToken cancellationToken)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(host, cancellationToken).ConfigureAwait(false);
        using Deadline open = Clock.System.Limit(StaysOpen, cancellationToken);
        try
        {
            if (await client.ReceiveAsync(new byte[1], open.Token).ConfigureAwait(false) > 0)
                return true;
            _met = $"{host} accepted a connection and closed it at once, without a byte";
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return true;
        }
    }
}
