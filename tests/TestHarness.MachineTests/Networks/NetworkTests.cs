using System.Net.Sockets;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Networks;

public sealed class NetworkTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Forwards_a_port_of_the_guest_to_one_that_the_kernel_picked()
    {
        System.Net.IPEndPoint ssh = tiny.Machine.GetForwardedEndPoint(22);

        using var client = new TcpClient();
        await client.ConnectAsync(ssh, Token);
        using var reader = new StreamReader(client.GetStream());
        string? banner = await reader.ReadLineAsync(Token);

        ssh.Address.ToString().Should().Be("127.0.0.1");
        banner.Should().StartWith("SSH-2.0-dropbear");
    }

    [Fact]
    public void Says_how_to_forward_a_port_that_is_not() =>
        tiny
            .Machine.Invoking(vm => vm.GetForwardedEndPoint(80))
            .Should()
            .Throw<ArgumentOutOfRangeException>()
            .WithMessage("*new PortForward(80)*");

    [Fact]
    public async Task Lets_the_guest_reach_nothing_of_the_host()
    {
        using var host = new TcpListener(System.Net.IPAddress.Loopback, 0);
        host.Start();
        int port = ((System.Net.IPEndPoint)host.LocalEndpoint).Port;

        ShellResult result = await tiny.Machine.Shell.TryRunAsync($"nc -w 3 10.0.2.2 {port} </dev/null", cancellationToken: Token);

        result.Should().Fail();
        host.Pending().Should().BeFalse();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Has_no_card_when_the_network_is_none()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Network = NetworkMode.None },
            cancellationToken: Token
        );

        (await vm.Shell.RunAsync("ls /sys/class/net", cancellationToken: Token)).Should().HaveOutput("lo");
    }
}
