using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Networks;

/// <summary>A forwarded port is ready when the guest answers, not when QEMU accepts.</summary>
public sealed class ForwardAnswerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Waits_for_a_service_that_speaks_and_for_one_that_listens()
    {
        var spec = new MachineSpec { PortForwards = [new PortForward(22), new PortForward(8080)] };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        (await vm.WaitForForwardAsync(22, cancellationToken: Token)).Should().Be(vm.GetForwardedEndPoint(22));
        Task<IPEndPoint> late = vm.WaitForForwardAsync(8080, cancellationToken: Token);
        await vm.Shell.RunAsync("true", cancellationToken: Token);
        late.IsCompleted.Should().BeFalse("nothing listens there yet, though QEMU accepts");
        await vm.Shell.RunAsync("nc -ll -p 8080 -e cat > /dev/null 2>&1 < /dev/null &", cancellationToken: Token);

        using var client = new TcpClient();
        await client.ConnectAsync(await late, Token);
        await client.GetStream().WriteAsync("hello\n"u8.ToArray(), Token);
        using var reader = new StreamReader(client.GetStream());
        (await reader.ReadLineAsync(Token)).Should().Be("hello");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_what_it_met_when_nothing_answers()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { PortForwards = [new PortForward(8080)] },
            cancellationToken: Token
        );
        using (var accepted = new TcpClient())
            await accepted.ConnectAsync(vm.GetForwardedEndPoint(8080), Token);

        (
            await vm.Awaiting(machine => machine.WaitForForwardAsync(8080, TimeSpan.FromSeconds(5), Token))
                .Should()
                .ThrowAsync<WaitTimeoutException>()
        )
            .WithMessage("*the guest's TCP port 8080 to answer on 127.0.0.1:*")
            .WithMessage("*nothing answers inside the guest on 10.0.2.15 port 8080*refused*");
        await vm.Awaiting(machine => machine.WaitForForwardAsync(80, cancellationToken: Token))
            .Should()
            .ThrowAsync<ArgumentOutOfRangeException>();
    }

    [Fact]
    public async Task Says_where_a_service_listens_that_no_forward_reaches()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { PortForwards = [new PortForward(8080)] },
            cancellationToken: Token
        );
        await vm.Shell.RunAsync("dropbear -R -p 127.0.0.1:8080", cancellationToken: Token);
        await vm.Shell.WaitForPortAsync(8080, cancellationToken: Token);

        (
            await vm.Awaiting(machine => machine.WaitForForwardAsync(8080, TimeSpan.FromSeconds(2), Token))
                .Should()
                .ThrowAsync<WaitTimeoutException>()
        ).WithMessage("*listens on 127.0.0.1 port 8080 alone*have it listen on 0.0.0.0*");
    }

    [Fact]
    public async Task Ends_at_once_when_the_machine_does()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { PortForwards = [new PortForward(8080)] },
            cancellationToken: Token
        );
        Task<IPEndPoint> waiting = vm.WaitForForwardAsync(8080, cancellationToken: Token);

        await vm.KillAsync();

        await waiting.Awaiting(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<MachineExitedException>();
    }
}
