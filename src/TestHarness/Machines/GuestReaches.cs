using System.Net;
using System.Net.Sockets;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Networks;
using TestHarness.Operations;

namespace TestHarness.Machines;

/// <summary>What a guest reaches on the host (<see cref="MachineSpec.GuestReaches"/>): ports in it that lead there.</summary>
internal sealed class GuestReaches(MachineOperations machine, GuestSession guest)
{
    private readonly List<GuestPort> _required = [];

    /// <summary>Gives them to the guest, which opens them whenever it comes up.</summary>
    public void Add()
    {
        foreach (GuestReach reach in machine.Spec.GuestReaches)
        {
            // The name's characters were checked; the line is written once, however often the guest comes up.
            string entry = $"127.0.0.1 {reach.Name}";
            GuestPort port = MakePort(
                "127.0.0.1",
                reach,
                reach.Name is null ? null : $"grep -qxF '{entry}' /etc/hosts || echo '{entry}' >> /etc/hosts"
            );
            _required.Add(port);
            guest.Ports.Add(port);
            // Where localhost leads many programs first. A guest without IPv6, or with a service of its own there, does without.
            guest.Ports.Add(MakePort("::1", reach, preparation: null));
        }
    }

    /// <summary>Ends when they are open in the guest; throws what the guest refused one by.</summary>
    public async Task RequireAsync(CancellationToken cancellationToken)
    {
        foreach (GuestPort port in _required)
            await port.OpenAsync(await guest.ReadyAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    private GuestPort MakePort(string address, GuestReach reach, string? preparation) =>
        new(
            address,
            reach.GuestPort,
            preparation,
            (connection, token) => RelayAsync(connection, reach, token),
            reason => machine.Record.NoteGuest($"port {reach.GuestPort} of {address} for {reach.Host}", outcome: $"not there: {reason}"),
            reach.Protocol == ForwardProtocol.Tcp
                ? null
                : new DatagramRelay(reach.Host, (peer, outcome) => NoteDatagrams(reach, peer, outcome)).RunAsync
        );

    private void NoteDatagrams(GuestReach reach, IPEndPoint peer, string outcome) =>
        machine.Record.NoteGuest($"datagrams of {peer} from UDP port {reach.GuestPort} to {reach.Host}", outcome: outcome);

    private async Task RelayAsync(AgentTcpStream connection, GuestReach reach, CancellationToken cancellationToken)
    {
        long began = machine.Time.GetTimestamp();
        string outcome = "ok";
        try
        {
            await HostRelay.RunAsync(connection, reach.Host, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is SocketException or IOException or AgentLostException or ObjectDisposedException or OperationCanceledException)
        {
            outcome = machine.Record.Outcome(e);
        }

        machine.Record.NoteGuest($"connection from port {reach.GuestPort} to {reach.Host}", machine.Time.GetElapsedTime(began), outcome);
    }
}
