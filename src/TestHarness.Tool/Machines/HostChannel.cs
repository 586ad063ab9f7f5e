using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace TestHarness.Tool.Machines;

/// <summary>What a frame between a command and a machine's process carries.</summary>
internal enum FrameKind : byte
{
    Request = (byte)'R',
    Answer = (byte)'A',

    /// <summary>
    /// The answer to a command in the guest: its exit code in four bytes, and for how many ticks of 100 ns it was there, in eight (little
    /// endian).
    /// </summary>
    Exit = (byte)'E',
    Progress = (byte)'P',

    /// <summary>How far the step is that was told last; for bars.</summary>
    HowFar = (byte)'F',
    Input = (byte)'0',
    Output = (byte)'1',
    Error = (byte)'2',
    Size = (byte)'Z',
}

/// <summary>
/// Frames on a unix socket: a byte for the kind, four for the length (little endian), and so many bytes. An empty
/// <see cref="FrameKind.Input"/> is its end.
/// </summary>
internal sealed class HostChannel(Socket socket) : IAsyncDisposable
{
    private const int Header = 5;
    private const int MaxLength = 1 << 20;

    private readonly NetworkStream _stream = new(socket, ownsSocket: true);
    private readonly SemaphoreSlim _sending = new(1, 1);

    public async Task SendAsync(FrameKind kind, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        byte[] frame = new byte[Header + payload.Length];
        frame[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(1), payload.Length);
        payload.CopyTo(frame.AsMemory(Header));
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await _stream.WriteAsync(frame, cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    public async Task SendAsync<T>(FrameKind kind, T message, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        // The generated writer itself: the serializer first learns about every member's type, which takes longer than a guest's answer.
        var payload = new ArrayBufferWriter<byte>();
        await using (var writer = new Utf8JsonWriter(payload))
            type.SerializeHandler!(writer, message);
        await SendAsync(kind, payload.WrittenMemory, cancellationToken);
    }

    /// <summary>Receives a frame; <see langword="null"/> where the other side has gone.</summary>
    public async Task<(FrameKind Kind, byte[] Payload)?> ReceiveAsync(CancellationToken cancellationToken)
    {
        byte[] header = new byte[Header];
        try
        {
            await _stream.ReadExactlyAsync(header, cancellationToken);
            int length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(1));
            if (length is < 0 or > MaxLength)
                throw new InvalidDataException($"A frame of {length} bytes: at most {MaxLength} are possible.");
            byte[] payload = new byte[length];
            await _stream.ReadExactlyAsync(payload, cancellationToken);
            return ((FrameKind)header[0], payload);
        }
        catch (Exception e) when (e is EndOfStreamException or IOException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _sending.Dispose();
    }
}
