using System.Net;
using System.Net.Sockets;
using System.Text;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

/// <summary>
/// The agent's output buffer where it is full, and where its end is passed: every byte stays its own stream's, and no frame is lost.
/// </summary>
[Fault(
    "Dozens of commands write without end. Or the host reads slowly, so that the agent's output is full.",
    "Each byte stays with its own command. Another command's start and end are told at once, and no frame is lost. The "
        + "commands that write wait.",
    "AgentByteFuzzTests",
    "UnreadOutputTests",
    "AgentSoakTests"
)]
public sealed class AgentFullOutputTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(100)]
    [InlineData(400)]
    public async Task Bytes_stay_their_own_when_a_window_near_its_end_meets_the_end_of_the_buffer(int window)
    {
        const int Passed = 4 * 9 * 32768;
        await using CompiledAgent agent = await CompiledAgent.StartAsync(Token);
        await using RawHost host = await RawHost.ConnectAsync(agent.Transport, Token);
        (RawStream near, Socket far) = await ConnectAsync(host);
        using Socket distant = far;
        RawStream controlled = host.Run("every byte here is known\n"u8.ToArray(), null, "yes", "every byte here is known");
        await host.ReadUntilAsync(() => controlled.Window == 0, Token).WaitAsync(Limit, Token);
        // So much that the socket is full, and the buffer less than half: it always holds something, and never too much for more.
        int bulk = await SocketCapacityAsync() + 65536;
        host.Run([0], bulk, "head", "-c", $"{bulk}", "/dev/zero");

        for (int passed = 0; passed < Passed; passed += window)
        {
            host.GiveWindow(controlled, window);
            // The agent has taken the window after this, and serves it before it takes the next.
            await EchoAsync(host, near, distant);
            for (int left = AgentProtocol.HeaderSize + window; left > 0; )
                left -= await host.ReadAsync(left, Token).WaitAsync(Limit, Token);
        }

        controlled.Seen.Should().BeGreaterThan(Passed / 2);
    }

    [Fact]
    public async Task No_frame_is_lost_and_none_goes_before_STARTED_when_nobody_reads_what_many_streams_say()
    {
        await using CompiledAgent agent = await CompiledAgent.StartAsync(Token);
        await using RawHost host = await RawHost.ConnectAsync(agent.Transport, Token);
        (RawStream near, Socket far) = await ConnectAsync(host);
        using Socket distant = far;
        RawStream[] first = [Endless(0), Endless(1)];
        int full = await SocketCapacityAsync() - AgentProtocol.MaxPayload;
        while (host.Waiting < full)
            await EchoAsync(host, near, distant);
        // Each is a turn of the agent, and in each it takes what the two say as long as its buffer has room.
        for (int i = 0; i < 20; i++)
            await EchoAsync(host, near, distant);
        RawStream[] shortOnes =
        [
            .. Enumerable.Range(0, 100).Select(i => Echo(host, $"{i}:{new string((char)('a' + (i % 26)), 50 + (10 * i))}")),
        ];
        RawStream[] endless = [.. first, .. Enumerable.Range(2, 30).Select(Endless)];
        await EchoAsync(host, near, distant);

        await host.ReadUntilAsync(() => shortOnes.All(one => one.HasEnded) && endless.All(one => one.Window == 0), Token)
            .WaitAsync(Limit, Token);

        foreach (RawStream one in endless)
            host.Kill(one);
        await host.ReadUntilAsync(() => endless.All(one => one.HasEnded), Token).WaitAsync(Limit, Token);

        RawStream Endless(int i) => host.Run(Encoding.ASCII.GetBytes($"line of {i}\n"), null, "yes", $"line of {i}");
    }

    private static RawStream Echo(RawHost host, string text) =>
        host.Run(Encoding.ASCII.GetBytes(text), text.Length, "/bin/echo", "-n", text);

    // A way past the agent's output: what the host sends on it comes out here.
    private static async Task<(RawStream Near, Socket Far)> ConnectAsync(RawHost host)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        RawStream near = host.Connect(((IPEndPoint)listener.LocalEndpoint).Port);
        return (near, await listener.AcceptSocketAsync(Token));
    }

    // After this the agent has taken all that was sent before.
    private static async Task EchoAsync(RawHost host, RawStream near, Socket far)
    {
        host.Send(FakeGuest.Frame(AgentFrameType.Data, near.Id, 0, [1]));
        await far.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(Limit, Token);
    }

    // How much a unix socket takes while nobody reads, in pieces such as the agent's.
    private static async Task<int> SocketCapacityAsync()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("agent-").FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        using var near = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await near.ConnectAsync(new UnixDomainSocketEndPoint(path), Token);
        using Socket far = await listener.AcceptAsync(Token);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        near.Blocking = false;
        SocketError error;
        do near.Send(new byte[32768], SocketFlags.None, out error);
        while (error == SocketError.Success);
        return far.Available;
    }
}
