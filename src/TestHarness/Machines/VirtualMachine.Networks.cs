using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using TestHarness.Agents;
using TestHarness.Networks;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan ForwardLimit = TimeSpan.FromMinutes(1);

    private readonly List<GuestPort> _reaches = [];

    /// <summary>Gets the metadata service: what answers at <c>http://169.254.169.254/</c> inside the guest.</summary>
    public MetadataService Metadata { get; }

    /// <summary>
    /// Waits until a forwarded TCP port really answers: something in the guest listens, and a connection by the host's port brings bytes or stays open for 100 ms. An
    /// accepted connection proves nothing, since QEMU accepts on the guest's behalf. The service sees the connections that ask.
    /// </summary>
    /// <param name="guestPort">The guest's port, one of <see cref="MachineSpec.PortForwards"/>.</param>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Where the port is on the host.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The port is not forwarded.</exception>
    /// <exception cref="WaitTimeoutException">It did not answer in time; says what was seen last.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<IPEndPoint> WaitForForwardAsync(int guestPort, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var answer = new ForwardAnswer(_guest, guestPort, GetForwardedEndPoint(guestPort));
        return _operations.GuardAsync(
            $"the guest's TCP port {guestPort} to answer on {answer.Host}", timeout ?? _operations.Scaled(ForwardLimit), answer.WaitAsync, cancellationToken, () => answer.LastSeen);
    }

    // Not into a template, which machines share that reach other things.
    private void AddGuestReaches()
    {
        if (MakesTemplate)
            return;
        foreach (GuestReach reach in Spec.GuestReaches)
        {
            // The name's characters were checked; the line is written once, however often the guest comes up.
            string entry = $"127.0.0.1 {reach.Name}";
            GuestPort port = MakePort("127.0.0.1", reach, reach.Name is null ? null : $"grep -qxF '{entry}' /etc/hosts || echo '{entry}' >> /etc/hosts");
            _reaches.Add(port);
            _guest.Ports.Add(port);
            // Where localhost leads many programs first. A guest without IPv6, or with a service of its own there, does without.
            _guest.Ports.Add(MakePort("::1", reach, preparation: null));
        }
    }

    private GuestPort MakePort(string address, GuestReach reach, string? preparation) => new(
        address,
        reach.GuestPort,
        preparation,
        (connection, token) => RelayAsync(connection, reach, token),
        reason => _record.NoteGuest($"port {reach.GuestPort} of {address} for {reach.Host}", outcome: $"not there: {reason}"),
        reach.Protocol == ForwardProtocol.Tcp ? null : new DatagramRelay(reach.Host, (peer, outcome) => NoteDatagrams(reach, peer, outcome)).RunAsync);

    private void NoteDatagrams(GuestReach reach, IPEndPoint peer, string outcome) =>
        _record.NoteGuest($"datagrams of {peer} from UDP port {reach.GuestPort} to {reach.Host}", outcome: outcome);

    private async Task RequireGuestReachesAsync(CancellationToken cancellationToken)
    {
        foreach (GuestPort port in _reaches)
            await port.OpenAsync(await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    private async Task RelayAsync(AgentTcpStream connection, GuestReach reach, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        string outcome = "ok";
        try
        {
            await HostRelay.RunAsync(connection, reach.Host, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or IOException or AgentLostException or ObjectDisposedException or OperationCanceledException)
        {
            outcome = _record.Outcome(e);
        }

        _record.NoteGuest($"connection from port {reach.GuestPort} to {reach.Host}", Stopwatch.GetElapsedTime(began), outcome);
    }
}
