using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using TestHarness.Agents;

namespace TestHarness.Tests.Agents;

/// <summary>
/// A host that speaks the agent's protocol itself: it reads when it likes, gives the windows that it likes, and looks at every byte of
/// every stream.
/// </summary>
internal sealed class RawHost : IAsyncDisposable
{
    private readonly NetworkStream _transport;
    private readonly byte[] _received = new byte[2 * (AgentProtocol.HeaderSize + AgentProtocol.MaxPayload)];
    private readonly Dictionary<uint, RawStream> _streams = [];
    private readonly Channel<byte[]> _toSend = Channel.CreateUnbounded<byte[]>();
    private readonly Task _sending;
    private int _filled;
    private uint _last;

    private RawHost(NetworkStream transport)
    {
        _transport = transport;
        _sending = SendAllAsync();
    }

    /// <summary>Gets how many of the agent's bytes wait in the socket.</summary>
    public int Waiting => _transport.Socket.Available;

    public static async Task<RawHost> ConnectAsync(NetworkStream transport, CancellationToken cancellationToken)
    {
        var host = new RawHost(transport);
        byte[] nonce = RandomNumberGenerator.GetBytes(AgentProtocol.NonceSize);
        host.Send(FakeGuest.Frame(AgentFrameType.Hello, 0, 0, nonce));
        for (int at = -1; at < 0 || host._filled < at + BitConverter.ToInt32(host._received, at - AgentProtocol.HeaderSize); )
        {
            host._filled += await transport.ReadAsync(host._received.AsMemory(host._filled), cancellationToken);
            at = host._received.AsSpan(0, host._filled).IndexOf(nonce);
        }

        host._filled = 0;
        return host;
    }

    /// <summary>Sends without ever waiting: an agent that waits for its reader takes nothing either.</summary>
    public void Send(params byte[][] frames) => _toSend.Writer.TryWrite([.. frames.SelectMany(frame => frame)]);

    /// <summary>Starts a command without input that writes <paramref name="pattern"/>: once, or for ever.</summary>
    public RawStream Run(byte[] pattern, long? length, params string[] arguments)
    {
        var stream = new RawStream(++_last, pattern, length);
        _streams.Add(stream.Id, stream);
        Send(FakeGuest.Frame(AgentFrameType.Run, stream.Id, 0, AgentRequests.Run(new AgentCommand(arguments) { TakesInput = false })));
        return stream;
    }

    /// <summary>
    /// Opens a connection to a port of this host; what is sent on it comes back there, past all that the agent says here.
    /// </summary>
    public RawStream Connect(int port)
    {
        var stream = new RawStream(++_last, [], 0);
        _streams.Add(stream.Id, stream);
        Send(FakeGuest.Frame(AgentFrameType.Connect, stream.Id, 0, AgentRequests.Address("", port)));
        return stream;
    }

    public void GiveWindow(RawStream stream, int bytes)
    {
        stream.Window += bytes;
        Send(FakeGuest.Frame(AgentFrameType.Window, stream.Id, 1, AgentRequests.Number(bytes)));
    }

    public void Kill(RawStream stream) => Send(FakeGuest.Frame(AgentFrameType.Kill, stream.Id, 0, []));

    /// <summary>Reads once, and checks the frames that are complete.</summary>
    public async Task<int> ReadAsync(int atMost, CancellationToken cancellationToken)
    {
        int count = await _transport.ReadAsync(
            _received.AsMemory(_filled, Math.Min(atMost, _received.Length - _filled)),
            cancellationToken
        );
        if (count == 0)
            throw new EndOfStreamException("The agent closed the connection.");
        _filled += count;
        int used = 0;
        while (_filled - used >= AgentProtocol.HeaderSize)
        {
            AgentFrameHeader header = AgentProtocol.ReadHeader(_received.AsSpan(used));
            int size = AgentProtocol.HeaderSize + header.Length;
            if (_filled - used < size)
                break;
            Take(header, _received.AsSpan(used + AgentProtocol.HeaderSize, header.Length));
            used += size;
        }

        _received.AsSpan(used, _filled - used).CopyTo(_received);
        _filled -= used;
        return count;
    }

    public async Task ReadUntilAsync(Func<bool> isEnough, CancellationToken cancellationToken)
    {
        while (!isEnough())
            await ReadAsync(AgentProtocol.MaxPayload, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _toSend.Writer.Complete();
        _transport.Close();
        await _sending.ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private void Take(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (!_streams.TryGetValue(header.Stream, out RawStream? stream))
            throw new InvalidDataException(
                $"a {header.Type} on stream {header.Stream}, which has ended or never was: {Convert.ToHexString(payload)}"
            );
        stream.Take(header, payload);
        if (stream.HasEnded)
            _streams.Remove(stream.Id);
    }

    private async Task SendAllAsync()
    {
        await foreach (byte[] bytes in _toSend.Reader.ReadAllAsync())
            await _transport.WriteAsync(bytes);
    }
}

/// <summary>What a stream is to say, held against every frame that comes.</summary>
internal sealed class RawStream(uint id, byte[] pattern, long? length)
{
    private readonly bool[] _channelEnded = new bool[3];

    public uint Id => id;

    public bool HasStarted { get; private set; }

    public bool HasEnded { get; private set; }

    /// <summary>Gets how many bytes of its output have come.</summary>
    public long Seen { get; private set; }

    /// <summary>Gets or sets how many bytes more may come.</summary>
    public int Window { get; set; } = AgentProtocol.Window;

    public void Take(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case AgentFrameType.Started when !HasStarted:
                HasStarted = true;
                break;
            case AgentFrameType.Data when HasStarted && header.Channel == 1 && !_channelEnded[1]:
                TakeBytes(payload);
                break;
            case AgentFrameType.End when HasStarted && !_channelEnded[header.Channel]:
                _channelEnded[header.Channel] = true;
                break;
            case AgentFrameType.Exit when HasStarted && (length is null || (Seen == length && _channelEnded[1] && _channelEnded[2])):
                (AgentExitKind kind, int code) = AgentProtocol.ReadExit(payload);
                if (length is not null && (kind, code) != (AgentExitKind.Exited, 0))
                    throw new InvalidDataException($"stream {id} ended as {kind} {code}");
                HasEnded = true;
                break;
            case AgentFrameType.Window:
                break;
            default:
                throw new InvalidDataException(
                    $"a {header.Type} (channel {header.Channel}, {Convert.ToHexString(payload[..Math.Min(64, payload.Length)])}) "
                        + $"on stream {id}, "
                        + $"which has started: {HasStarted}, and said {Seen} bytes of {length}"
                );
        }
    }

    private void TakeBytes(ReadOnlySpan<byte> payload)
    {
        Window -= payload.Length;
        if (Window < 0 || Seen + payload.Length > (length ?? long.MaxValue))
            throw new InvalidDataException($"stream {id}: {payload.Length} bytes after {Seen} are too many");
        for (ReadOnlySpan<byte> left = payload; !left.IsEmpty; )
        {
            int at = (int)(Seen % pattern.Length);
            int count = Math.Min(left.Length, pattern.Length - at);
            if (!left[..count].SequenceEqual(pattern.AsSpan(at, count)))
                throw new InvalidDataException(
                    $"stream {id}: another's bytes at {Seen}, in {payload.Length} at once: {Convert.ToHexString(left[..count])}"
                );
            Seen += count;
            left = left[count..];
        }
    }
}
