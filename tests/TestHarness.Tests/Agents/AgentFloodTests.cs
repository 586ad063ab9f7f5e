using System.Diagnostics;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

/// <summary>
/// A guest that says 256 MB of what no agent says, or takes nothing. Alone, because the memory of the whole process is measured.
/// </summary>
[Collection(nameof(AgentFloodTests))]
[CollectionDefinition(nameof(AgentFloodTests), DisableParallelization = true)]
[Fault(
    "The guest floods the agent's port with bytes without a frame, or with HELLO or errors over and over. It opens "
        + "connections that nobody takes, or a window of 2 GiB. Or it takes nothing.",
    "The connection ends after 64 MiB that answer nothing. A lie fails what is under way. Memory stays flat, and " + "writers wait.",
    "AgentConnectionTests",
    "AgentProtocolPropertyTests"
)]
public sealed class AgentFloodTests
{
    private const int MiB = 1024 * 1024;
    private const int Offered = 256 * MiB;
    private const int MostUnsent = 8 * MiB;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly byte[] Nobody = new byte[AgentProtocol.NonceSize];
    private static readonly byte[] Somebody = [.. Enumerable.Repeat((byte)9, AgentProtocol.NonceSize)];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("zeros")]
    [InlineData("marks")]
    [InlineData("marks of channel 0")]
    [InlineData("headers of HELLO")]
    [InlineData("another's HELLO")]
    [InlineData("HELLO of new agents")]
    [InlineData("protocol errors")]
    [InlineData("bytes of streams that are not")]
    [InlineData("answers that nobody asked for")]
    [InlineData("connections that nobody listens for")]
    public async Task Ends_the_connection_at_its_bound(string what)
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        byte[] piece = Repeat(
            what switch
            {
                "zeros" => [0],
                "marks" => "TH"u8.ToArray(),
                "marks of channel 0" => "\0TH"u8.ToArray(),
                "headers of HELLO" => FakeGuest.Hello(Somebody)[..AgentProtocol.HeaderSize],
                "another's HELLO" => FakeGuest.Hello(Somebody),
                "HELLO of new agents" => FakeGuest.Hello(Nobody),
                "protocol errors" => FakeGuest.Frame(AgentFrameType.Error, 0, 0, [71, 0, 0, 0]),
                "bytes of streams that are not" => FakeGuest.Frame(AgentFrameType.Data, 77, 1, new byte[1000]),
                "answers that nobody asked for" => FakeGuest.Frame(AgentFrameType.Pong, 0, 0, new byte[8]),
                _ =>
                [
                    .. FakeGuest.Frame(AgentFrameType.Accepted, 0x80000001, 0, [1, 0, 0, 0]),
                    .. FakeGuest.Frame(AgentFrameType.Exit, 0x80000001, 0, [2, 0, 0, 0, 0]),
                ],
            }
        );

        long taken = await OfferAsync(guest, piece);

        guest.Connection.Completion.IsCompleted.Should().BeTrue();
        taken.Should().BeLessThan(100 * MiB);
        await guest
            .Connection.Awaiting(c => c.HandshakeAsync(Token))
            .Should()
            .ThrowAsync<AgentLostException>()
            .WithMessage("*without an answer*no agent*");
    }

    [Fact]
    public async Task Keeps_few_connections_that_nobody_takes_and_closes_the_others()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentListener> listening = guest.Connection.ListenAsync("", 0, Token);
        uint listener = (await guest.ReceiveAsync(AgentFrameType.Listen, Token)).Header.Stream;
        await guest.SendAsync(AgentFrameType.Started, listener, 0, [1, 0, 0, 0], Token);
        byte[] full = new byte[AgentProtocol.MaxPayload];
        byte[] piece =
        [
            .. FakeGuest.Frame(AgentFrameType.Accepted, 0x80000001, 0, [(byte)listener, 0, 0, 0]),
            .. Enumerable
                .Repeat(FakeGuest.Frame(AgentFrameType.Data, 0x80000001, 1, full), AgentProtocol.Window / full.Length)
                .SelectMany(frame => frame),
            .. FakeGuest.Frame(AgentFrameType.Exit, 0x80000001, 0, [2, 0, 0, 0, 0]),
        ];

        await OfferAsync(guest, piece);

        await using AgentListener held = await listening;
        (await held.AcceptAsync(Token)).Peer.Should().BeEmpty();
        (await guest.ReceiveAsync(AgentFrameType.Kill, Token)).Header.Stream.Should().Be(0x80000001);
    }

    [Fact]
    public async Task Keeps_few_datagrams_that_nobody_takes()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentDatagrams> binding = guest.Connection.BindAsync("", 0, Token);
        // BIND with a port and no address, a frame that a host reads from nobody.
        byte[] bind = new byte[AgentProtocol.HeaderSize + 2];
        await guest.Transport.ReadExactlyAsync(bind, Token);
        uint port = BitConverter.ToUInt32(bind, 4);
        await guest.SendAsync(AgentFrameType.Started, port, 0, [1, 0, 0, 0], Token);

        byte[] datagram = FakeGuest.Frame(AgentFrameType.Data, port, 1, [1, 0, 4, 127, 0, 0, 1, .. new byte[60_000]]);

        (await OfferAsync(guest, Repeat(datagram))).Should().BeGreaterThanOrEqualTo(Offered);

        await using AgentDatagrams datagrams = await binding;
        datagrams.IsOpen.Should().BeTrue();
    }

    [Fact]
    public async Task Believes_no_window_beyond_what_was_sent()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentProcess> starting = guest.Connection.RunAsync(new AgentCommand(["cat"]), Token);
        uint stream = await guest.StartCommandAsync(Token);
        await using AgentProcess process = await starting;
        // The test's own, before and after: whoever writes it may hold it for a moment after the write has failed.
        byte[] offered = new byte[Offered];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await guest.SendAsync(AgentFrameType.Window, stream, 0, [255, 255, 251, 127], Token);

        Func<Task> write = () => process.StandardInput.WriteAsync(offered, Token).AsTask();

        await write.Should().ThrowAsync<AgentLostException>().WithMessage("*a window of*").WaitAsync(Limit, Token);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(64 * MiB);
        GC.KeepAlive(offered);
    }

    [Fact]
    public async Task Writers_wait_for_a_guest_that_takes_nothing_and_go_on_when_it_does()
    {
        const int Writers = 100;
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        var processes = new List<AgentProcess>();
        for (int i = 0; i < Writers; i++)
        {
            Task<AgentProcess> starting = guest.Connection.RunAsync(new AgentCommand(["cat"]), Token);
            await guest.StartCommandAsync(Token);
            processes.Add(await starting);
        }

        Task[] writes = [.. processes.Select(process => process.StandardInput.WriteAsync(new byte[AgentProtocol.Window], Token).AsTask())];

        // What the sockets hold, what is being sent, and what waits to be.
        writes.Count(write => write.IsCompleted).Should().BeLessThan(4 * MiB / AgentProtocol.Window);
        Task<AgentProcess> last = guest.Connection.RunAsync(new AgentCommand(["true"]), Token);
        for (long left = (long)Writers * AgentProtocol.Window; left > 0 || !last.IsCompleted; )
        {
            (AgentFrameHeader header, byte[] payload) = await guest.ReceiveAsync(Token).WaitAsync(Limit, Token);
            left -= header.Type == AgentFrameType.Data ? payload.Length : 0;
            if (header.Type == AgentFrameType.Run)
            {
                await guest.SendAsync(AgentFrameType.Started, header.Stream, 0, [1, 0, 0, 0], Token);
                await last;
            }
        }

        await Task.WhenAll(writes).WaitAsync(Limit, Token);
    }

    [Fact]
    public async Task Loses_a_guest_that_takes_no_answers()
    {
        await using FakeGuest guest = await FakeGuest.ConnectAsync(Token);
        Task<AgentProcess> starting = guest.Connection.RunAsync(new AgentCommand(["cat"]), Token);
        await guest.StartCommandAsync(Token);
        await using AgentProcess process = await starting;

        for (int sent = 0; sent < 2 * MostUnsent && !process.Exit.IsCompleted; sent += AgentProtocol.HeaderSize + 4)
            await process.SignalAsync(18);

        await process
            .Exit.Awaiting(exit => exit)
            .Should()
            .ThrowAsync<AgentLostException>()
            .WithMessage("*takes nothing: * bytes wait for it*");
    }

    private static byte[] Repeat(byte[] unit) => [.. Enumerable.Repeat(unit, Math.Max(1, MiB / unit.Length)).SelectMany(bytes => bytes)];

    // Returns how much was taken; the guest reads nothing meanwhile.
    private static async Task<long> OfferAsync(FakeGuest guest, byte[] piece)
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long began = Stopwatch.GetTimestamp();
        long taken = 0;
        while (taken < Offered && !guest.Connection.Completion.IsCompleted)
        {
            await Task.WhenAny(guest.SendAsync(piece, Token), guest.Connection.Completion);
            taken += piece.Length;
        }

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(Limit);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(64 * MiB);
        return taken;
    }
}
