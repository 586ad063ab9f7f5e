using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Agents;
using TestHarness.Qemu;

namespace TestHarness.Networks;

/// <summary>A port of the guest and where it is on the host.</summary>
internal sealed partial record ForwardedPort(ForwardProtocol Protocol, int GuestPort, IPEndPoint Host)
{
    /// <summary>
    /// Opens forwards in a running machine and asks QEMU where they are: it let the kernel pick the ports, so that nobody else can have
    /// taken one in between.
    /// </summary>
    /// <exception cref="QmpRefusedException">QEMU refused one.</exception>
    public static async Task<IReadOnlyList<ForwardedPort>> OpenAsync(
        QmpClient monitor,
        IReadOnlyCollection<PortForward> wanted,
        CancellationToken cancellationToken
    )
    {
        if (wanted.Count == 0)
            return [];
        foreach (PortForward forward in wanted)
        {
            string refusal = await monitor
                .ExecuteHumanAsync($"hostfwd_add net0 {ForwardRule.Of(forward)}", cancellationToken)
                .ConfigureAwait(false);
            if (refusal.Trim() is { Length: > 0 } reason)
                throw new QmpRefusedException(
                    $"the guest's port {forward.GuestPort} can't be forwarded to 127.0.0.1:{forward.HostPort}: {reason}"
                );
        }

        return Parse(await monitor.ExecuteHumanAsync("info usernet", cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The forward that leads to the same port of the host again.</summary>
    public PortForward Again() => new(GuestPort) { Protocol = Protocol, HostPort = Host.Port };

    /// <summary>Reads the lines of <c>info usernet</c> such as <c>TCP[HOST_FORWARD]  12  127.0.0.1 40001  10.0.2.15 22  0 0</c>.</summary>
    /// <exception cref="QmpRefusedException">A line names no address or port.</exception>
    public static IReadOnlyList<ForwardedPort> Parse(string userNetwork) => [.. Line().Matches(userNetwork).Select(Read)];

    private static ForwardedPort Read(Match line)
    {
        ForwardProtocol protocol = line.Groups["protocol"].Value == "UDP" ? ForwardProtocol.Udp : ForwardProtocol.Tcp;
        return
            IPAddress.TryParse(line.Groups["address"].Value, out IPAddress? address)
            && Port("host") is { } host
            && Port("guest") is { } guest
            ? new ForwardedPort(protocol, guest, new IPEndPoint(address, host))
            : throw new QmpRefusedException(
                $"its list of forwarded ports can't be read: {QmpMessage.Excerpt(Encoding.UTF8.GetBytes(line.Value))}"
            );

        int? Port(string name) =>
            ushort.TryParse(line.Groups[name].Value, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port : null;
    }

    [GeneratedRegex(@"(?<protocol>TCP|UDP)\[HOST_FORWARD\]\s+[0-9]+\s+(?<address>[0-9.]+)\s+(?<host>[0-9]+)\s+\S+\s+(?<guest>[0-9]+)")]
    private static partial Regex Line();
}
