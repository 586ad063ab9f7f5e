using System.Buffers;

namespace TestHarness.Guest;

internal sealed partial class AgentConnection
{
    // What is to be sent, and what is being sent. The windows bound the first: nobody waits for the guest to queue a frame, so the
    // reader may queue frames, too.
    private ArrayBufferWriter<byte> _outgoing = new();
    private ArrayBufferWriter<byte> _sending = new();
    private bool _writing;

    /// <summary>Sends a frame of a stream; does nothing where the stream has ended.</summary>
    public void Send(AgentStream stream, AgentFrameType type, byte channel, ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (!_streams.TryGetValue(stream.Id, out AgentStream? current) || current != stream)
                return;
            Queue(type, stream.Id, channel, payload);
        }

        Flush();
    }

    // Under the gate.
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
            _outgoing.ResetWrittenCount();
            return true;
        }
    }
}
