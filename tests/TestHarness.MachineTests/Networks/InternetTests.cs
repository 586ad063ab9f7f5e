using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Networks;

public sealed class InternetTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Reaches_the_host_and_so_what_the_host_reaches_where_an_isolated_guest_does_not()
    {
        using var host = new TcpListener(IPAddress.Loopback, 0);
        host.Start();
        Task greets = GreetAsync(host);
        string ask = $"nc -w 5 10.0.2.2 {((IPEndPoint)host.LocalEndpoint).Port} < /dev/null";
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Network = NetworkMode.Internet },
            cancellationToken: Token
        );

        (await tiny.Machine.Shell.TryRunAsync(ask, cancellationToken: Token)).Should().Fail();
        greets.IsCompleted.Should().BeFalse();
        (await vm.Shell.RunAsync(ask, cancellationToken: Token)).Should().HaveOutput("hello");
        (await vm.Shell.RunAsync("ip route; cat /etc/resolv.conf", cancellationToken: Token))
            .StandardOutput.Should()
            .Contain("default via 10.0.2.2")
            .And.Contain("nameserver 10.0.2.3");
    }

    private static async Task GreetAsync(TcpListener host)
    {
        using TcpClient client = await host.AcceptTcpClientAsync(Token);
        await client.GetStream().WriteAsync("hello\n"u8.ToArray(), Token);
    }
}
