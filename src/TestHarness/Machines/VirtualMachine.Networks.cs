using System.Net;
using TestHarness.Machines;
using TestHarness.Networks;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly TimeSpan ForwardLimit = TimeSpan.FromMinutes(1);

    private readonly GuestReaches _reaches;

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
}
