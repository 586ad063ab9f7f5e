using System.Buffers;
using System.Net.Sockets;
using TestHarness.Agents;

namespace TestHarness.Tests.Agents;

/// <summary>The other end of a connection, played by the test: it says whatever the test wants a guest to say.</summary>
internal sealed class FakeGuest : IAsyncDisposable
{
    private FakeGuest(NetworkStream host, NetworkStream guest)
    {
        Connection = new AgentConnection(host);
        Transport = guest;
    }

    public AgentConnection Connection { get; }

    public NetworkStream Transport { get; }

    public static async Task<FakeGuest> CreateAsync(CancellationToken cancellationToken)
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("agent-").FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        var guest = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await guest.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        Socket host = await listener.AcceptAsync(cancellationToken);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        return new FakeGuest(new NetworkStream(host, ownsSocket: true), new NetworkStream(guest, ownsSocket: true));
    }

    /// <summary>Makes a guest that is in step.</summary>
    public static async Task<FakeGuest> ConnectAsync(CancellationToken cancellationToken)
    {
        FakeGuest guest = await CreateAsync(cancellationToken);
        Task<AgentHello> handshake = guest.Connection.HandshakeAsync(cancellationToken);
        await guest.AnswerHelloAsync(cancellationToken);
        await handshake;
        return guest;
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        await Transport.DisposeAsync();
    }

    public async Task SendAsync(byte[] bytes, CancellationToken cancellationToken) => await Transport.WriteAsync(bytes, cancellationToken);

    public Task SendAsync(AgentFrameType type, uint stream, byte channel, byte[] payload, CancellationToken cancellationToken) =>
        SendAsync(Frame(type, stream, channel, payload), cancellationToken);

    public static byte[] Frame(AgentFrameType type, uint stream, byte channel, byte[] payload)
    {
        var bytes = new ArrayBufferWriter<byte>();
        AgentProtocol.WriteFrame(bytes, type, stream, channel, payload);
        return bytes.WrittenSpan.ToArray();
    }

    public static byte[] Hello(byte[] nonce, int version = AgentProtocol.Version) =>
        Frame(AgentFrameType.Hello, 0, 0, [.. nonce, (byte)version, 0, 42, 0, 0, 0, .. "fake 1"u8]);

    /// <summary>Reads the next frame that the host sends.</summary>
    public async Task<(AgentFrameHeader Header, byte[] Payload)> ReceiveAsync(CancellationToken cancellationToken)
    {
        byte[] header = new byte[AgentProtocol.HeaderSize];
        await Transport.ReadExactlyAsync(header, cancellationToken);
        AgentFrameHeader parsed = AgentProtocol.ReadHeader(header);
        byte[] payload = new byte[parsed.Length];
        await Transport.ReadExactlyAsync(payload, cancellationToken);
        return (parsed, payload);
    }

    /// <summary>Reads frames up to one of a type.</summary>
    public async Task<(AgentFrameHeader Header, byte[] Payload)> ReceiveAsync(AgentFrameType type, CancellationToken cancellationToken)
    {
        while (true)
        {
            (AgentFrameHeader header, byte[] payload) = await ReceiveAsync(cancellationToken);
            if (header.Type == type)
                return (header, payload);
        }
    }

    public async Task AnswerHelloAsync(CancellationToken cancellationToken) =>
        await SendAsync(Hello((await ReceiveAsync(AgentFrameType.Hello, cancellationToken)).Payload), cancellationToken);

    /// <summary>Takes a RUN and says that the command has started.</summary>
    public async Task<uint> StartCommandAsync(CancellationToken cancellationToken)
    {
        (AgentFrameHeader run, _) = await ReceiveAsync(AgentFrameType.Run, cancellationToken);
        await SendAsync(AgentFrameType.Started, run.Stream, 0, [1, 0, 0, 0], cancellationToken);
        return run.Stream;
    }
}
