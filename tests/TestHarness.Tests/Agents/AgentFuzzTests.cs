using System.Net.Sockets;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

/// <summary>
/// Random bytes, random frames and damaged frames. The agent must neither die nor hang, whatever comes: it answers a ping afterwards, runs
/// a command, and leaves no process behind.
/// </summary>
public sealed class AgentFuzzTests
{
    private const int Rounds = 400;

    // A command that a signal ends may leave what does not get it, or ignores it, as a background job ignores SIGINT; so none of those.
    private static readonly byte[] Signals = [0, 1, 9, 15, 18, 19, 64, 65, 200];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Lives_and_answers_whatever_it_is_sent(int seed) => await FuzzAsync(await CompiledAgent.StartAsync(Token), seed);

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public async Task The_sanitizers_find_nothing_whatever_it_is_sent(int seed)
    {
        await FuzzAsync(await SanitizedAgent.StartAsync(Token), seed);

        SanitizedAgent.AssertNothingWasFound();
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public async Task The_host_lives_and_comes_in_step_whatever_a_guest_sends(int seed)
    {
        var random = new Random(seed);
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task answering = AnswerAsync(guest);
        for (int i = 0; i < Rounds; i++)
        {
            _ = guest.Connection.RunAsync(new AgentCommand(["true"]), Token).ContinueWith(_ => { }, TaskScheduler.Default);
            await guest.SendAsync(Next(random, "A=B"), Token);
        }

        // Fills up whatever frame is incomplete, and is an error after that.
        await guest.SendAsync(new byte[2 * AgentProtocol.MaxPayload], Token);
        await PingUntilAnsweredAsync(guest.Connection).WaitAsync(Limit, Token);

        await guest.Connection.DisposeAsync();
        await answering;
    }

    private static async Task FuzzAsync(CompiledAgent started, int seed)
    {
        var random = new Random(seed);
        string mark = $"AGENT_FUZZ={Guid.NewGuid()}";
        await using (CompiledAgent agent = started)
        {
            using (var drained = CancellationTokenSource.CreateLinkedTokenSource(Token))
            {
                Task draining = DrainAsync(agent.Transport, drained.Token);
                for (int i = 0; i < Rounds; i++)
                    await agent.Transport.WriteAsync(Next(random, mark), Token).AsTask().WaitAsync(Limit, Token);
                await drained.CancelAsync();
                await draining;
            }

            // Another host takes over; the last frame may be an incomplete one.
            await agent.Connection.HandshakeAsync(Token).WaitAsync(Limit, Token);

            await agent.Connection.PingAsync(Token).WaitAsync(Limit, Token);
            (await agent.Connection.RunToEndAsync("echo served", Token).WaitAsync(Limit, Token)).Text.Should().Be("served\n");
            agent.Process.HasExited.Should().BeFalse();
        }

        ProcessesWith(mark).Should().BeEmpty();
    }

    // Answers HELLO and PING, and nothing else.
    private static async Task AnswerAsync(FakeGuest guest)
    {
        try
        {
            while (true)
            {
                (AgentFrameHeader header, byte[] payload) = await guest.ReceiveAsync(Token);
                if (header.Type == AgentFrameType.Hello)
                    await guest.SendAsync(FakeGuest.Hello(payload), Token);
                else if (header.Type == AgentFrameType.Ping)
                    await guest.SendAsync(AgentFrameType.Pong, 0, 0, payload, Token);
            }
        }
        catch (IOException)
        {
            // The host has closed the connection.
        }
    }

    // What was sent may still be on its way, and break the first attempts.
    private static async Task PingUntilAnsweredAsync(AgentConnection connection)
    {
        while (true)
        {
            try
            {
                await connection.HandshakeAsync(Token);
                await connection.PingAsync(Token);
                return;
            }
            catch (AgentLostException) when (!connection.Completion.IsCompleted) { }
        }
    }

    private static async Task DrainAsync(NetworkStream transport, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[65536];
        try
        {
            while (await transport.ReadAsync(buffer, cancellationToken) > 0) { }
        }
        catch (OperationCanceledException)
        {
            // All has been sent; what is left is for the host that takes over.
        }
    }

    private static byte[] Next(Random random, string mark)
    {
        switch (random.Next(20))
        {
            case 0:
                byte[] noise = new byte[random.Next(200)];
                random.NextBytes(noise);
                return noise;
            case 1 or 2 or 3:
                return AgentHandshakeTests.Frame(1, 0, 0, [.. Enumerable.Repeat((byte)random.Next(1, 256), 16)]);
            case 4:
                byte[] damaged = Whole(random, mark);
                // The header, or the first field's; text stays as it is, so that no other program is run and nobody else called.
                damaged[random.Next(Math.Min(damaged.Length, AgentProtocol.HeaderSize + (damaged[8] == 4 ? 5 : 0)))] = (byte)
                    random.Next(256);
                return damaged;
            case 5:
                byte[] cut = Whole(random, mark);
                return cut[..random.Next(cut.Length)];
            default:
                return Whole(random, mark);
        }
    }

    private static byte[] Whole(Random random, string mark)
    {
        uint stream = (uint)random.Next(1, 20);
        byte channel = (byte)random.Next(3);
        return random.Next(12) switch
        {
            0 => Run(stream, mark, "sleep", "1000"),
            1 => Run(stream, mark, "cat"),
            2 => Run(stream, mark, "sh", "-c", "sleep 1000 & yes"),
            3 => Run(stream, mark, "no-such-program"),
            4 => AgentHandshakeTests.Frame(14, stream, 0, [1, 0, .. "127.0.0.1"u8]),
            5 => AgentHandshakeTests.Frame(15, stream, 0, [0, 0]),
            6 => AgentHandshakeTests.Frame(6, stream, 0, new byte[random.Next(5000)]),
            7 => AgentHandshakeTests.Frame(7, stream, 0, []),
            8 => AgentHandshakeTests.Frame(8, stream, (byte)(1 + (channel & 1)), [0, (byte)random.Next(256), 0, 0]),
            9 => AgentHandshakeTests.Frame(9, stream, 0, [Signals[random.Next(Signals.Length)], 0, 0, 0]),
            10 => AgentHandshakeTests.Frame(11, stream, 0, []),
            _ => AgentHandshakeTests.Frame((byte)random.Next(20), (uint)random.Next(3), channel, new byte[random.Next(30)]),
        };
    }

    private static byte[] Run(uint stream, string mark, params string[] arguments)
    {
        string[] pair = mark.Split('=');
        var command = new AgentCommand(arguments) { Environment = new Dictionary<string, string> { [pair[0]] = pair[1] } };
        return AgentHandshakeTests.Frame(4, stream, 0, AgentRequests.Run(command));
    }
}
