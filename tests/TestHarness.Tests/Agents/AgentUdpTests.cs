using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

public sealed class AgentUdpTests : CompiledAgentTests
{
    [Theory]
    [InlineData("127.0.0.1", 1)]
    [InlineData("127.0.0.1", 0)]
    [InlineData("127.0.0.1", 65507)]
    [InlineData("::1", 9000)]
    public async Task Carries_each_datagram_whole_both_ways(string address, int size)
    {
        await using AgentDatagrams near = await Connection.BindAsync(address, 0, Token);
        using var far = new UdpClient(address == "::1" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
        far.Connect(new IPEndPoint(IPAddress.Parse(address), near.Port));
        byte[] bytes = RandomNumberGenerator.GetBytes(size);

        await using IAsyncEnumerator<AgentDatagram> received = near.ReadAsync(Token).GetAsyncEnumerator(Token);
        for (int i = 0; i < 5; i++)
        {
            await far.SendAsync(bytes, Token);
            (await received.MoveNextAsync()).Should().BeTrue();
            received.Current.Bytes.ToArray().Should().Equal(bytes);
            received.Current.Peer.Should().Be(far.Client.LocalEndPoint);
            near.Send(received.Current);
            (await far.ReceiveAsync(Token)).Buffer.Should().Equal(bytes);
        }
    }

    [Fact]
    public async Task Loses_what_nobody_takes_and_holds_nobody_up()
    {
        await using AgentDatagrams near = await Connection.BindAsync("", 0, Token);
        using var far = new UdpClient();
        far.Connect(IPAddress.Loopback, near.Port);
        for (int i = 0; i < 2000; i++)
            await far.SendAsync(new byte[1000], Token);

        await Connection.PingAsync(Token);
        var last = new AgentDatagram((IPEndPoint)far.Client.LocalEndPoint!, new byte[] { 42 });
        near.Send(last);
        (await far.ReceiveAsync(Token)).Buffer.Should().Equal(42);
    }

    [Fact]
    public async Task Frees_the_port_and_tells_of_one_that_is_taken()
    {
        AgentDatagrams near = await Connection.BindAsync("", 0, Token);
        await FluentActions
            .Awaiting(() => Connection.BindAsync("", near.Port, Token))
            .Should()
            .ThrowAsync<AgentException>()
            .WithMessage("bind*in use*");

        await near.DisposeAsync();

        await using AgentDatagrams again = await Connection.BindAsync("", near.Port, Token);
        again.Port.Should().Be(near.Port);
    }
}
