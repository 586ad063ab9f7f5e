using System.Buffers.Binary;
using System.Net;
using System.Threading.Channels;

namespace TestHarness.Agents;

/// <summary>A datagram and who in the guest has sent it, or is to get it.</summary>
internal readonly record struct AgentDatagram(IPEndPoint Peer, ReadOnlyMemory<byte> Bytes);

/// <summary>A UDP port inside the guest. What nobody takes in time is lost, as datagrams are.</summary>
internal sealed class AgentDatagrams : IAsyncDisposable
{
    private readonly AgentStream _stream;
    private readonly AgentDatagramQueue _queue;

    public AgentDatagrams(AgentStream stream, AgentDatagramQueue queue, int port)
    {
        (_stream, _queue, Port) = (stream, queue, port);
        stream.Ended.ContinueWith(
            ended => queue.Close(ended.Exception?.InnerException),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
    }

    /// <summary>Gets the port, which the guest's kernel chose where 0 was asked for.</summary>
    public int Port { get; }

    /// <summary>Gets a value indicating whether the guest still has the port, as far as is known here.</summary>
    public bool IsOpen => !_stream.Ended.IsCompleted;

    /// <summary>Hands the datagrams out as they come, up to the port's end.</summary>
    public IAsyncEnumerable<AgentDatagram> ReadAsync(CancellationToken cancellationToken) => _queue.ReadAsync(cancellationToken);

    /// <summary>Sends a datagram from the port.</summary>
    public void Send(AgentDatagram datagram)
    {
        byte[] frame = AgentDatagramQueue.Write(datagram);
        if (frame.Length <= AgentProtocol.MaxPayload)
            _stream.Input.TrySendWhole(frame);
    }

    public ValueTask DisposeAsync()
    {
        _stream.Kill();
        _queue.Close(reason: null);
        return ValueTask.CompletedTask;
    }
}

/// <summary>Datagrams that wait to be taken, and how they look in a frame: port and size of the address, the address, the bytes.</summary>
internal sealed class AgentDatagramQueue
{
    private const int MostWaiting = 256;
    private const int PortAndSize = 3;

    private readonly Channel<AgentDatagram> _waiting = Channel.CreateBounded<AgentDatagram>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    public static byte[] Write(AgentDatagram datagram)
    {
        byte[] address = datagram.Peer.Address.GetAddressBytes();
        byte[] frame = new byte[PortAndSize + address.Length + datagram.Bytes.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(frame, (ushort)datagram.Peer.Port);
        frame[PortAndSize - 1] = (byte)address.Length;
        address.CopyTo(frame.AsSpan(PortAndSize));
        datagram.Bytes.Span.CopyTo(frame.AsSpan(PortAndSize + address.Length));
        return frame;
    }

    /// <summary>Takes a frame of the agent's.</summary>
    /// <exception cref="InvalidDataException">It does not parse.</exception>
    public void Add(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < PortAndSize || frame[PortAndSize - 1] is not (4 or 16) || frame.Length < PortAndSize + frame[PortAndSize - 1])
            throw new InvalidDataException("a datagram that does not parse");
        int begin = PortAndSize + frame[PortAndSize - 1];
        var peer = new IPEndPoint(new IPAddress(frame[PortAndSize..begin]), BinaryPrimitives.ReadUInt16LittleEndian(frame));
        _waiting.Writer.TryWrite(new AgentDatagram(peer, frame[begin..].ToArray()));
    }

    public IAsyncEnumerable<AgentDatagram> ReadAsync(CancellationToken cancellationToken) =>
        _waiting.Reader.ReadAllAsync(cancellationToken);

    public void Close(Exception? reason) => _waiting.Writer.TryComplete(reason);
}
