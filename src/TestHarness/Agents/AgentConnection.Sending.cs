using System.Buffers;

namespace TestHarness.Agents;

internal sealed partial class AgentConnection
{
    // An agent always reads, so hardly more than a window lies here. Bytes and new streams wait beyond the first bound. The rest cannot
    // wait, since the reader queues its answers, too: beyond the second the guest takes nothing, and what was under way is lost.
    private const int RoomForBytes = 1 << 20;
    private const int MostUnsent = 8 << 20;

    // What is to be sent, and what is being sent.
    private ArrayBufferWriter<byte> _outgoing = new();
    private ArrayBufferWriter<byte> _sending = new();
    private TaskCompletionSource? _room;
    private bool _writing;

    /// <summary>Sends a frame of a stream; does nothing where the stream has ended.</summary>
    public void Send(AgentStream stream, AgentFrameType type, byte channel, ReadOnlySpan<byte> payload)
    {
        bool isFull;
        lock (_gate)
        {
            if (!Has(stream))
                return;
            isFull = _outgoing.WrittenCount > MostUnsent;
            if (!isFull)
                Queue(type, stream.Id, channel, payload);
        }

        if (isFull)
            LoseStep(TakesNothing);
        Flush();
    }

    /// <summary>
    /// Sends bytes of a stream, and does nothing where it has ended. False where the guest is to take others first, until
    /// <paramref name="room"/> completes.
    /// </summary>
    public bool TrySendBytes(AgentStream stream, ReadOnlySpan<byte> payload, out Task room)
    {
        lock (_gate)
        {
            if (!Has(stream))
            {
                room = Task.CompletedTask;
                return true;
            }

            if (!HasRoom(payload.Length, out room))
                return false;
            Queue(AgentFrameType.Data, stream.Id, 0, payload);
        }

        Flush();
        return true;
    }

    private static string TakesNothing => $"The guest's agent takes nothing: {MostUnsent} bytes wait for it.";

    // These are under the gate.
    private bool Has(AgentStream stream) => _streams.TryGetValue(stream.Id, out AgentStream? current) && current == stream;

    private bool HasRoom(int size, out Task room)
    {
        bool has = _outgoing.WrittenCount + AgentProtocol.HeaderSize + size <= RoomForBytes;
        room = has ? Task.CompletedTask : (_room ??= NewSource()).Task;
        return has;
    }

    private void EmptyOutgoing()
    {
        _outgoing.ResetWrittenCount();
        _room?.TrySetResult();
        _room = null;
    }

    private void Queue(AgentFrameType type, uint stream, byte channel, ReadOnlySpan<byte> payload) =>
        AgentProtocol.WriteFrame(_outgoing, type, stream, channel, payload);

    // Whoever comes while nothing is being written writes, on its own thread as far as the socket takes it: no hop, no latency.
    private void Flush()
    {
        lock (_gate)
        {
            if (_writing || _outgoing.WrittenCount == 0 || _ended is not null)
                return;
            _writing = true;
        }

        _ = WriteLoopAsync();
    }

    private async Task WriteLoopAsync()
    {
        try
        {
            while (TakeOutgoing())
                await _transport.WriteAsync(_sending.WrittenMemory, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was: nobody may be left waiting.
            End($"The connection to the guest's agent broke: {e.Message}");
        }
    }

    private bool TakeOutgoing()
    {
        lock (_gate)
        {
            _writing = _outgoing.WrittenCount > 0 && _ended is null;
            if (!_writing)
                return false;
            (_outgoing, _sending) = (_sending, _outgoing);
            EmptyOutgoing();
            return true;
        }
    }
}
