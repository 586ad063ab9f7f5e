using System.Buffers;
using System.IO.Pipelines;

namespace TestHarness.Agents;

/// <summary>
/// A channel from the guest. It holds at most one window of unread bytes, and its sender stops when nobody reads. Disposing it throws
/// away what is there and what still comes.
/// </summary>
internal sealed class AgentReadStream(AgentStream stream, byte channel) : AgentOneWayStream
{
    // No threshold: the protocol's window is the limit, so the connection's one reader never waits for a consumer.
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private readonly Lock _gate = new();
    private int _window = AgentProtocol.Window;
    private int _unread;
    private int _taken;
    private bool _ended;
    private bool _discarding;

    public override bool CanRead => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_discarding, this);
        if (buffer.IsEmpty)
            return 0;
        ReadResult read = await _pipe.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        ReadOnlySequence<byte> part = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length));
        int count = (int)part.Length;
        part.CopyTo(buffer.Span);
        _pipe.Reader.AdvanceTo(part.End);
        Take(count, unread: count);
        return count;
    }

    /// <summary>Takes bytes from the guest; called by the connection's reader only.</summary>
    /// <exception cref="InvalidDataException">They are more than the window allows.</exception>
    public void Receive(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (bytes.Length > _window)
                throw new InvalidDataException($"more bytes than the window of stream {stream.Id} allows");
            if (_ended)
                throw new InvalidDataException($"bytes after the end of a channel of stream {stream.Id}");
            _window -= bytes.Length;
            if (!_discarding)
            {
                _unread += bytes.Length;
                _pipe.Writer.Write(bytes);
                // Completes at once: the pipe has no threshold.
                _ = _pipe.Writer.FlushAsync(CancellationToken.None).AsTask();
                return;
            }
        }

        Take(bytes.Length, unread: 0);
    }

    /// <summary>No more bytes will come; a reader then sees the end, or <paramref name="failure"/>.</summary>
    public void End(Exception? failure)
    {
        lock (_gate)
        {
            if (_ended)
                return;
            _ended = true;
            _pipe.Writer.Complete(failure);
        }
    }

    protected override void Dispose(bool disposing)
    {
        int unread;
        lock (_gate)
        {
            if (_discarding)
                return;
            _discarding = true;
            unread = _unread;
        }

        // Ends a read that is under way; the pipe itself is left to the collector, since a reader may be inside it.
        _pipe.Reader.CancelPendingRead();
        Take(unread, unread);
        base.Dispose(disposing);
    }

    private void Take(int count, int unread)
    {
        int given = 0;
        lock (_gate)
        {
            _unread -= unread;
            _taken += count;
            if (_taken >= AgentProtocol.WindowStep && !_ended)
            {
                given = _taken;
                _window += given;
                _taken = 0;
            }
        }

        if (given > 0)
            stream.Send(AgentFrameType.Window, channel, AgentRequests.Number(given));
    }
}
