using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

public sealed class AgentTcpTests : CompiledAgentTests
{
    [Fact]
    public async Task Connects_and_carries_both_directions_until_each_has_ended()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        byte[] sent = RandomNumberGenerator.GetBytes(1_000_000);
        await using AgentTcpStream near = await Connection.ConnectAsync("", ((IPEndPoint)server.LocalEndpoint).Port, Token);
        using TcpClient far = await server.AcceptTcpClientAsync(Token);

        Task echo = EchoAsync(far);
        Task<byte[]> received = ReadAllAsync(near, Token);
        await near.WriteAsync(sent, Token);
        near.CompleteWriting();

        (await received.WaitAsync(Token)).AsSpan().SequenceEqual(sent).Should().BeTrue();
        await echo;
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("")]
    public async Task Listens_on_a_port_that_the_kernel_chose(string address)
    {
        await using AgentListener listener = await Connection.ListenAsync(address, 0, Token);
        listener.Port.Should().BeInRange(1, 65535);
        for (int i = 0; i < 3; i++)
        {
            using var far = new TcpClient(address == "::1" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
            await far.ConnectAsync(address.Length == 0 ? "127.0.0.1" : address, listener.Port, Token);
            await using AgentTcpStream near = await listener.AcceptAsync(Token);
            near.Peer.Should().Be($"{((IPEndPoint)far.Client.LocalEndPoint!).Address} {((IPEndPoint)far.Client.LocalEndPoint!).Port}");

            await far.GetStream().WriteAsync("to the host\n"u8.ToArray(), Token);
            (await ReadLineAsync(near, Token)).Should().Be("to the host");
            await near.WriteAsync("to the guest\n"u8.ToArray(), Token);
            (await ReadLineAsync(far.GetStream(), Token)).Should().Be("to the guest");
        }
    }

    [Fact]
    public async Task Delivers_what_was_written_before_a_connection_is_disposed()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        AgentTcpStream near = await Connection.ConnectAsync("127.0.0.1", ((IPEndPoint)server.LocalEndpoint).Port, Token);
        using TcpClient far = await server.AcceptTcpClientAsync(Token);

        // More than a socket takes while its peer does not read.
        await near.WriteAsync(new byte[60_000], Token);
        await near.DisposeAsync();

        (await ReadAllAsync(far.GetStream(), Token)).Should().HaveCount(60_000);
        await Connection.PingAsync(Token);
    }

    [Fact]
    public async Task Says_why_when_nobody_listens()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;

        (await Connection.Awaiting(c => c.ListenAsync("127.0.0.1", port, Token)).Should().ThrowAsync<AgentException>())
            .WithMessage($"listen 127.0.0.1 port {port}: *")
            .Which.ErrorNumber.Should()
            .Be(98);
        taken.Stop();
        (await Connection.Awaiting(c => c.ConnectAsync("127.0.0.1", port, Token)).Should().ThrowAsync<AgentException>())
            .WithMessage("*Connection refused")
            .Which.ErrorNumber.Should()
            .Be(111);
        (await Connection.Awaiting(c => c.ConnectAsync("example.org", 80, Token)).Should().ThrowAsync<AgentException>()).WithMessage(
            "connect example.org port 80: not an IPv4 or IPv6 address"
        );
    }

    [Fact]
    public async Task Giving_up_a_connection_that_is_not_yet_open_leaves_the_others_alone()
    {
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        int port = ((IPEndPoint)full.LocalEndPoint!).Port;
        // Linux takes one more than the backlog, and leaves the next ones without an answer.
        using var first = new TcpClient();
        await first.ConnectAsync(IPAddress.Loopback, port, Token);
        await using AgentProcess other = await Connection.RunAsync(new AgentCommand(["cat"]), Token);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Token);

        Task<AgentTcpStream> near = Connection.ConnectAsync("127.0.0.1", port, giveUp.Token);
        await Connection.PingAsync(Token);
        near.IsCompleted.Should().BeFalse("nobody answers");
        await giveUp.CancelAsync();

        await near.Awaiting(task => task).Should().ThrowAsync<OperationCanceledException>();
        await Connection.PingAsync(Token);
        await other.StandardInput.WriteAsync("still here\n"u8.ToArray(), Token);
        (await ReadLineAsync(other.StandardOutput, Token)).Should().Be("still here");
    }

    [Fact]
    public async Task Breaks_the_reader_when_the_peer_resets_the_connection()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        await using AgentTcpStream near = await Connection.ConnectAsync("127.0.0.1", ((IPEndPoint)server.LocalEndpoint).Port, Token);
        TcpClient far = await server.AcceptTcpClientAsync(Token);

        // Closing at once, with a limit of 0, is what sends a reset.
        far.Client.Close(0);

        await near.Awaiting(n => ReadAllAsync(n, Token)).Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Stops_listening_when_the_listener_is_disposed()
    {
        AgentListener listener = await Connection.ListenAsync("127.0.0.1", 0, Token);
        Task<AgentTcpStream> waiting = listener.AcceptAsync(Token);

        await listener.DisposeAsync();
        await Connection.PingAsync(Token);

        await waiting.Awaiting(w => w).Should().ThrowAsync<ObjectDisposedException>();
        using var client = new TcpClient();
        await client.Awaiting(c => c.ConnectAsync("127.0.0.1", listener.Port, Token).AsTask()).Should().ThrowAsync<SocketException>();
    }

    [Fact]
    public async Task Ends_all_waits_when_the_connection_is_disposed()
    {
        await using CompiledAgent agent = await CompiledAgent.ConnectAsync(Token);
        AgentListener listener = await agent.Connection.ListenAsync("", 0, Token);
        Task<AgentTcpStream> waiting = listener.AcceptAsync(Token);

        await agent.Connection.DisposeAsync();
        await agent.Connection.DisposeAsync();

        await waiting.Awaiting(w => w).Should().ThrowAsync<AgentLostException>();
    }

    private static async Task EchoAsync(TcpClient far)
    {
        await far.GetStream().CopyToAsync(far.GetStream(), Token);
        far.Client.Shutdown(SocketShutdown.Send);
    }
}
