using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Networks;

/// <summary>Services of the host that the spec opens to the guest.</summary>
[Fault(
    "`localhost` means 127.0.0.1 for one side of a `GuestReach` and ::1 for the other. A service behind a forward "
        + "listens only on the guest's 127.0.0.1.",
    "The two sides reach each other. `WaitForForwardAsync` says where the service listens.",
    "ForwardAnswerTests"
)]
public sealed class GuestReachTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Over five seconds in every run: what a guest reaches is a promise.
    [Fact]
    public async Task Carries_connections_to_the_service_and_to_nothing_else()
    {
        using EchoServer service = new(),
            other = new();
        var spec = new MachineSpec { GuestReaches = [new GuestReach("registry.test", service.Address)] };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        string ask = $"head -c 300000 /dev/zero | nc registry.test {service.Address.Port} | wc -c";

        (await vm.Shell.RunAsync(ask, cancellationToken: Token)).Should().HaveOutput("300000");
        await vm.RebootAsync(cancellationToken: Token);
        (await vm.Shell.RunAsync($"{ask}; grep -c registry.test /etc/hosts", cancellationToken: Token)).Should().HaveOutput("300000\n1");

        (await vm.Shell.TryRunAsync($"echo hello | nc -w 3 127.0.0.1 {other.Address.Port}", cancellationToken: Token)).Should().Fail();
        (await vm.Shell.TryRunAsync($"echo hello | nc -w 3 10.0.2.2 {service.Address.Port}", cancellationToken: Token)).Should().Fail();
        other.Accepted.Should().Be(0);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Leads_from_either_localhost_of_the_guest_to_the_one_of_the_host_that_listens(string listening)
    {
        using var service = new EchoServer(IPAddress.Parse(listening));
        var spec = new MachineSpec { GuestReaches = [new GuestReach(8080, new DnsEndPoint("localhost", service.Address.Port))] };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        foreach (string address in (string[])["127.0.0.1", "::1", "localhost"])
            (await vm.Shell.RunAsync($"echo hello | nc {address} 8080", cancellationToken: Token)).Should().HaveOutput("hello");
    }

    [Fact]
    public async Task Closes_the_connection_and_notes_why_when_nothing_is_there_on_the_host()
    {
        IPEndPoint gone;
        using (var service = new EchoServer())
            gone = service.Address;
        var spec = new MachineSpec { GuestReaches = [new GuestReach(8080, gone)] };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        (
            await vm.Shell.RunAsync(
                "mkfifo /tmp/open; sleep 60 > /tmp/open & nc 127.0.0.1 8080 < /tmp/open | wc -c; kill $!",
                cancellationToken: Token
            )
        )
            .Should()
            .HaveOutput("0");

        (await vm.CollectEvidenceAsync(Token))
            .Events.Should()
            .Contain(entry =>
                entry.Kind == MachineEventKind.Guest
                && entry.What.StartsWith("connection from port 8080")
                && entry.Outcome!.Contains("refused")
            );
    }

    [Fact]
    public async Task Fails_the_start_when_the_guest_uses_the_port_itself()
    {
        // The image's dropbear listens on all addresses.
        var spec = new MachineSpec { GuestReaches = [new GuestReach(22, new IPEndPoint(IPAddress.Loopback, 1))] };

        await FluentActions
            .Awaiting(() => VirtualMachine.StartAsync(spec, cancellationToken: Token))
            .Should()
            .ThrowAsync<MachineStartException>()
            .WithMessage("*listen 127.0.0.1 port 22: *in use*");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Carries_datagrams_to_the_service_and_its_answers_back()
    {
        using var service = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var address = (IPEndPoint)service.Client.LocalEndPoint!;
        Task serving = ServeAsync(service);
        var spec = new MachineSpec
        {
            Image = "debian-12",
            GuestReaches = [new GuestReach("time.test", address) { Protocol = ForwardProtocol.Udp }],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        string[] command = ["bash", "-c", "exec 3<>/dev/udp/time.test/$1; echo hello >&3; head -n 1 <&3", "bash", $"{address.Port}"];

        (await vm.Shell.RunAsync(command, new ShellOptions { Timeout = TimeSpan.FromSeconds(30) }, Token))
            .Should()
            .HaveOutput("answer to hello");
        await vm.RebootAsync(cancellationToken: Token);
        (await vm.Shell.RunAsync(command, new ShellOptions { Timeout = TimeSpan.FromSeconds(30) }, Token))
            .Should()
            .HaveOutput("answer to hello");

        (await vm.CollectEvidenceAsync(Token))
            .Events.Should()
            .Contain(entry => entry.What.Contains($"from UDP port {address.Port} to {address}", StringComparison.Ordinal));
        service.Dispose();
        await serving;
    }

    private static async Task ServeAsync(UdpClient service)
    {
        try
        {
            while (true)
            {
                UdpReceiveResult asked = await service.ReceiveAsync(Token);
                await service.SendAsync((byte[])[.. "answer to "u8, .. asked.Buffer], asked.RemoteEndPoint, Token);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The test is over.
        }
    }

    private sealed class EchoServer : IDisposable
    {
        private readonly TcpListener _listener;

        public EchoServer(IPAddress? address = null)
        {
            _listener = new TcpListener(address ?? IPAddress.Loopback, 0);
            _listener.Start();
            _ = AcceptAsync();
        }

        public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

        public int Accepted { get; private set; }

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    using TcpClient client = await _listener.AcceptTcpClientAsync(Token);
                    Accepted++;
                    await client.GetStream().CopyToAsync(client.GetStream(), Token);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}
