using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Networks;

/// <summary>What a default machine reaches: nothing. What of it can be reached: forwarded ports, on 127.0.0.1.</summary>
[Fault(
    "The guest tries to reach the host, its network, a metadata service or DNS.",
    "Nothing answers. QEMU listens on 127.0.0.1 only, and only where a port is forwarded.",
    "NetworkTests"
)]
public sealed class IsolationTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reaches_no_service_of_the_host_no_metadata_service_and_no_network()
    {
        string lan = NetworkInterface
            .GetAllNetworkInterfaces()
            .Where(card => card.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(card => card.GetIPProperties().UnicastAddresses)
            .Select(address => address.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork)
            ?.ToString()
            ?? "192.0.2.1";
        // What the guest would reach as 10.0.2.2 were its network not restricted.
        using var service = new TcpListener(IPAddress.Loopback, 0);
        service.Start();
        using var datagrams = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        string[] targets =
        [
            $"10.0.2.2 {((IPEndPoint)service.LocalEndpoint).Port}",
            "10.0.2.2 22",
            "10.0.2.3 53",
            "169.254.169.254 80",
            $"{lan} 22",
            $"{lan} 80",
            "1.1.1.1 443",
        ];

        // All at once, for each waits for an answer that does not come.
        string connect = string.Join(
            '\n',
            targets.Select(target => $"(nc -w 2 {target} < /dev/null > /dev/null 2>&1 && echo reached {target}) &")
        );
        ShellResult tcp = await tiny.Machine.Shell.RunAsync(
            $"ip route | grep -q '^default' || ip route add default via 10.0.2.2\n{connect}\nwait",
            cancellationToken: Token
        );
        await tiny.Machine.Shell.TryRunAsync(
            $"echo hello | timeout 2 nc -u -w 1 10.0.2.2 {((IPEndPoint)datagrams.Client.LocalEndPoint!).Port}",
            cancellationToken: Token
        );
        ShellResult dns = await tiny.Machine.Shell.TryRunAsync("timeout 4 nslookup example.org 10.0.2.3", cancellationToken: Token);

        tcp.Should().HaveOutput("");
        (service.Pending(), datagrams.Available).Should().Be((false, 0));
        dns.Should().Fail();
        dns.StandardOutput.Should().NotContain("Name:\texample.org");
    }

    [Fact]
    public async Task Listens_on_the_loopback_address_only()
    {
        var spec = new MachineSpec { PortForwards = [new PortForward(22), new PortForward(53) { Protocol = ForwardProtocol.Udp }] };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        IPEndPoint[] listeners = ListenersOf(vm.ProcessId!.Value);

        listeners.Should().HaveCount(2).And.OnlyContain(listener => listener.Address.Equals(IPAddress.Loopback));
        listeners
            .Select(listener => listener.Port)
            .Should()
            .BeEquivalentTo([vm.GetForwardedEndPoint(22).Port, vm.GetForwardedEndPoint(53, ForwardProtocol.Udp).Port]);
    }

    [Fact]
    public async Task Listens_nowhere_without_forwards()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        ListenersOf(vm.ProcessId!.Value).Should().BeEmpty();
    }

    // Sockets of the process, found by their inodes in the kernel's tables (proc_pid_net(5)): listening for TCP (state 0A), bound for UDP.
    private static IPEndPoint[] ListenersOf(int process)
    {
        HashSet<string> inodes =
        [
            .. Directory
                .GetFiles($"/proc/{process}/fd")
                .Select(file => new FileInfo(file).LinkTarget ?? "")
                .Where(target => target.StartsWith("socket:[", StringComparison.Ordinal))
                .Select(target => target["socket:[".Length..^1]),
        ];
        inodes.Should().NotBeEmpty("the monitor's is one");
        return
        [
            .. ((string[])["tcp", "tcp6", "udp", "udp6"])
                .SelectMany(table =>
                    File.ReadLines($"/proc/net/{table}")
                        .Skip(1)
                        .Select(line => (Table: table, Fields: line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
                )
                .Where(row =>
                    inodes.Contains(row.Fields[9]) && (row.Table.StartsWith("udp", StringComparison.Ordinal) || row.Fields[3] == "0A")
                )
                .Select(row => Parse(row.Fields[1])),
        ];
    }

    // Words of 4 bytes in the host's order, in hexadecimal; then the port.
    private static IPEndPoint Parse(string text)
    {
        string[] parts = text.Split(':');
        byte[] address =
        [
            .. Convert.FromHexString(parts[0]).Chunk(4).SelectMany(word => BitConverter.IsLittleEndian ? word.Reverse() : word),
        ];
        return new IPEndPoint(new IPAddress(address), int.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
