using System.Buffers.Binary;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

/// <summary>The host's side against a guest that says whatever it likes.</summary>
public sealed class AgentConnectionTests
{
    private static readonly byte[] Nobody = new byte[AgentProtocol.NonceSize];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[]> Lies =>
        new()
        {
            { "no frame", "some text from a kernel"u8.ToArray() },
            { "an unknown type", [0, 0, 0, 0, 1, 0, 0, 0, 99, 0, (byte)'T', (byte)'H'] },
            { "an unknown channel", [0, 0, 0, 0, 1, 0, 0, 0, 6, 3, (byte)'T', (byte)'H'] },
            { "a payload that is too long", [255, 255, 255, 255, 1, 0, 0, 0, 6, 1, (byte)'T', (byte)'H'] },
            { "another's HELLO", FakeGuest.Hello([.. Enumerable.Repeat((byte)9, 16)]) },
            { "a frame that only a host sends", FakeGuest.Frame(AgentFrameType.Kill, 1, 0, []) },
            { "a RUN", FakeGuest.Frame(AgentFrameType.Run, 1, 0, []) },
            { "a second STARTED", FakeGuest.Frame(AgentFrameType.Started, 1, 0, [1, 0, 0, 0]) },
            {
                "data beyond the window",
                [.. Enumerable.Repeat(FakeGuest.Frame(AgentFrameType.Data, 1, 1, new byte[65536]), 5).SelectMany(frame => frame)]
            },
            { "data towards the guest", FakeGuest.Frame(AgentFrameType.Data, 1, 0, [1]) },
            {
                "data after the end",
                [.. FakeGuest.Frame(AgentFrameType.End, 1, 1, []), .. FakeGuest.Frame(AgentFrameType.Data, 1, 1, [1])]
            },
            { "a window for an output", FakeGuest.Frame(AgentFrameType.Window, 1, 1, [1, 0, 0, 0]) },
            { "a window beyond all bounds", FakeGuest.Frame(AgentFrameType.Window, 1, 0, [255, 255, 255, 127]) },
            { "a window for what was not sent", FakeGuest.Frame(AgentFrameType.Window, 1, 0, [1, 0, 0, 0]) },
            { "a negative window", FakeGuest.Frame(AgentFrameType.Window, 1, 0, [255, 255, 255, 255]) },
            { "half a window", FakeGuest.Frame(AgentFrameType.Window, 1, 0, [1]) },
            { "an EXIT of an unknown kind", FakeGuest.Frame(AgentFrameType.Exit, 1, 0, [9, 0, 0, 0, 0]) },
            { "an EXIT with a code beyond 255", FakeGuest.Frame(AgentFrameType.Exit, 1, 0, [0, 0, 1, 0, 0]) },
            { "an EXIT with signal 0", FakeGuest.Frame(AgentFrameType.Exit, 1, 0, [1, 0, 0, 0, 0]) },
            { "half an EXIT", FakeGuest.Frame(AgentFrameType.Exit, 1, 0, [0]) },
            { "an ERROR without a number", FakeGuest.Frame(AgentFrameType.Error, 1, 0, []) },
            { "a connection for a stream of the host's", FakeGuest.Frame(AgentFrameType.Accepted, 2, 0, [1, 0, 0, 0]) },
            { "half an ACCEPTED", FakeGuest.Frame(AgentFrameType.Accepted, 0x80000001, 0, [1]) },
            { "a SETTLED that is too short", FakeGuest.Frame(AgentFrameType.Settled, 0, 0, [1]) },
            { "a PONG that is too short", FakeGuest.Frame(AgentFrameType.Pong, 0, 0, [1]) },
            { "a protocol error of ours", FakeGuest.Frame(AgentFrameType.Error, 0, 0, [71, 0, 0, 0, .. "why"u8]) },
        };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task Fails_everything_at_once_and_comes_in_step_again_when_the_guest_lies(string what, byte[] lie)
    {
        what.Should().NotBeEmpty();
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentProcess> running = guest.Connection.RunAsync(new AgentCommand(["true"]), Token);
        (await guest.StartCommandAsync(Token)).Should().Be(1);
        AgentProcess process = await running;
        Task ping = guest.Connection.PingAsync(Token);

        await guest.SendAsync(lie, Token);

        await process.Exit.Awaiting(exit => exit).Should().ThrowAsync<AgentLostException>();
        await ping.Awaiting(p => p).Should().ThrowAsync<AgentLostException>();
        await guest.Connection.Awaiting(c => c.RunAsync(new AgentCommand(["true"]), Token)).Should().ThrowAsync<AgentLostException>();
        await guest.AnswerHelloAsync(Token);
        await guest.Connection.HandshakeAsync(Token);
        await ExpectPongAsync(guest);
    }

    [Fact]
    public async Task Throws_away_what_came_before_the_answer_to_its_own_hello()
    {
        await using FakeGuest guest = await FakeGuest.CreateAsync(Token);
        Task<AgentHello> handshake = guest.Connection.HandshakeAsync(Token);
        byte[] nonce = (await guest.ReceiveAsync(Token)).Payload;
        await guest.SendAsync(
            [.. "THTHTH"u8, .. FakeGuest.Hello([.. Enumerable.Repeat((byte)9, 16)]), .. FakeGuest.Frame(AgentFrameType.Data, 1, 1, [1])],
            Token
        );
        // The answer itself, a byte at a time.
        foreach (byte one in FakeGuest.Hello(nonce))
        {
            handshake.IsCompleted.Should().BeFalse();
            await guest.SendAsync([one], Token);
        }

        (await handshake).Should().Be(new AgentHello(AgentProtocol.Version, 42, "fake 1", 0));
    }

    [Fact]
    public async Task Says_hello_again_when_the_agent_is_new()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        AgentHello before = await guest.Connection.HandshakeAsync(Token);
        Task<AgentHello> restarted = guest.Connection.WaitForRestartAsync(before, Token);
        Task ping = guest.Connection.PingAsync(Token);

        await guest.SendAsync(FakeGuest.Hello(Nobody), Token);

        await ping.Awaiting(p => p).Should().ThrowAsync<AgentLostException>().WithMessage("*rebooted*");
        restarted.IsCompleted.Should().BeFalse();
        await guest.AnswerHelloAsync(Token);
        (await restarted).Restarts.Should().Be(before.Restarts + 1);
    }

    [Fact]
    public async Task Meets_a_new_agent_although_the_old_one_left_in_the_middle_of_a_frame()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task ping = guest.Connection.PingAsync(Token);
        await guest.ReceiveAsync(AgentFrameType.Ping, Token);
        byte[] cut = FakeGuest.Frame(AgentFrameType.Data, 1, 1, new byte[60_000])[..30_000];

        await guest.SendAsync([.. cut, .. FakeGuest.Hello(Nobody)], Token);

        await ping.Awaiting(p => p).Should().ThrowAsync<AgentLostException>();
        await guest.AnswerHelloAsync(Token);
        await guest.Connection.HandshakeAsync(Token);
    }

    [Fact]
    public async Task Refuses_an_agent_of_another_version_with_a_remedy()
    {
        await using FakeGuest guest = await FakeGuest.CreateAsync(Token);
        Task<AgentHello> handshake = guest.Connection.HandshakeAsync(Token);
        byte[] nonce = (await guest.ReceiveAsync(Token)).Payload;

        await guest.SendAsync(FakeGuest.Hello(nonce, version: 9), Token);

        await handshake.Awaiting(h => h).Should().ThrowAsync<AgentLostException>().WithMessage("*version 9*build the image anew*");
    }

    [Fact]
    public async Task Keeps_no_more_than_the_last_hello_when_a_guest_starts_anew_over_and_over_and_reads_nothing()
    {
        const int Floods = 100;
        const int HellosInFlood = 1000;
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        AgentHello before = await guest.Connection.HandshakeAsync(Token);
        byte[] flood = [.. Enumerable.Repeat(FakeGuest.Hello(Nobody), HellosInFlood).SelectMany(hello => hello)];
        for (int i = 0; i < Floods; i++)
            await guest.SendAsync(flood, Token);

        Task<AgentHello> restarted = guest.Connection.WaitForRestartAsync(before with { Restarts = (Floods * HellosInFlood) - 1 }, Token);
        int received = 0;
        while (!restarted.IsCompleted)
        {
            // Those that the socket took while nobody read, and one.
            Task answer = guest.AnswerHelloAsync(Token);
            await Task.WhenAny(answer, restarted);
            received++;
        }

        received.Should().BeLessThan(Floods * HellosInFlood / 4);
        (await restarted).Restarts.Should().Be(before.Restarts + (Floods * HellosInFlood));
    }

    [Fact]
    public async Task Takes_no_more_connections_than_an_agent_can_have()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentListener> listening = guest.Connection.ListenAsync("", 0, Token);
        (AgentFrameHeader listen, _) = await guest.ReceiveAsync(AgentFrameType.Listen, Token);
        await guest.SendAsync(AgentFrameType.Started, listen.Stream, 0, [1, 0, 0, 0], Token);
        AgentListener listener = await listening;

        for (uint i = 1; i <= AgentProtocol.MaxStreams + 1; i++)
            await guest.SendAsync(AgentFrameType.Accepted, 0x80000000 + i, 0, [(byte)listen.Stream, 0, 0, 0, .. "::1 5"u8], Token);

        await guest.ReceiveAsync(AgentFrameType.Hello, Token);
        Func<Task> accept = async () =>
        {
            for (int i = 0; i <= AgentProtocol.MaxStreams; i++)
                await listener.AcceptAsync(Token);
        };
        await accept.Should().ThrowAsync<AgentLostException>();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    [InlineData(int.MaxValue)]
    public async Task Believes_no_port_that_cannot_be(int port)
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentListener> listening = guest.Connection.ListenAsync("", 0, Token);
        (AgentFrameHeader listen, _) = await guest.ReceiveAsync(AgentFrameType.Listen, Token);

        await guest.SendAsync(AgentFrameType.Started, listen.Stream, 0, AgentRequests.Number(port), Token);

        await listening.Awaiting(l => l).Should().ThrowAsync<AgentLostException>().WithMessage($"*the port {port}*");
    }

    [Fact]
    public async Task Closes_a_connection_that_nobody_listens_for()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);

        await guest.SendAsync(AgentFrameType.Accepted, 0x80000001, 0, [1, 0, 0, 0], Token);

        (await guest.ReceiveAsync(AgentFrameType.Kill, Token)).Header.Stream.Should().Be(0x80000001);
    }

    [Fact]
    public async Task Kills_a_command_whose_start_was_cancelled()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        using var cancel = new CancellationTokenSource();
        Task<AgentProcess> running = guest.Connection.RunAsync(new AgentCommand(["true"]), cancel.Token);
        (AgentFrameHeader run, _) = await guest.ReceiveAsync(AgentFrameType.Run, Token);

        await cancel.CancelAsync();

        await running.Awaiting(r => r).Should().ThrowAsync<OperationCanceledException>();
        (await guest.ReceiveAsync(AgentFrameType.Kill, Token)).Header.Stream.Should().Be(run.Stream);
    }

    [Fact]
    public async Task Makes_an_error_text_of_the_guest_harmless()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentProcess> running = guest.Connection.RunAsync(new AgentCommand(["true"]), Token);
        (AgentFrameHeader run, _) = await guest.ReceiveAsync(AgentFrameType.Run, Token);

        await guest.SendAsync(AgentFrameType.Error, run.Stream, 0, [2, 0, 0, 0, .. "\e[2Jno\n"u8, .. new byte[50_000]], Token);

        var thrown = (await running.Awaiting(r => r).Should().ThrowAsync<AgentException>()).Which;
        thrown.ErrorNumber.Should().Be(2);
        thrown.Message.Should().StartWith("?[2Jno??").And.HaveLength(AgentProtocol.MaxErrorText);
    }

    private static async Task ExpectPongAsync(FakeGuest guest)
    {
        Task ping = guest.Connection.PingAsync(Token);
        (_, byte[] payload) = await guest.ReceiveAsync(AgentFrameType.Ping, Token);
        BinaryPrimitives.ReadUInt64LittleEndian(payload).Should().BePositive();
        await guest.SendAsync(AgentFrameType.Pong, 0, 0, payload, Token);
        await ping;
    }
}
