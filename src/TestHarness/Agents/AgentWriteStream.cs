namespace TestHarness.Agents;

/// <summary>
/// A channel towards the guest. Writing waits for the window, so a command that does not read holds its writer. Disposing it ends the
/// channel.
/// </summary>
internal sealed class AgentWriteStream(AgentStream stream) : AgentOneWayStream
{
    private readonly Lock _gate = new();
    private int _window = AgentProtocol.Window;
    private TaskCompletionSource? _waiter;
    private Func<Exception>? _closed;

    public override bool CanWrite => true;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = TakeWindow(Math.Min(buffer.Length, AgentProtocol.MaxPayload), out Task changed);
            if (count > 0 && TrySend(buffer.Span[..count], out changed))
                buffer = buffer[count..];
            else
                await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sends bytes in one frame, or not at all where the window has no room for them, or the guest takes nothing.</summary>
    /// <returns>Whether they were sent.</returns>
    public bool TrySendWhole(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_closed is not null || bytes.Length > _window)
                return false;
            _window -= bytes.Length;
        }

        return TrySend(bytes, out _);
    }

    /// <summary>The guest takes so many bytes more.</summary>
    /// <exception cref="InvalidDataException">They are more than it was sent.</exception>
    public void AddWindow(int count)
    {
        lock (_gate)
        {
            // Believed, it would have all that anybody writes lie here.
            if (count > AgentProtocol.Window - _window)
                throw new InvalidDataException(
                    $"a window of {count} bytes more for stream {stream.Id}, which had {_window} of {AgentProtocol.Window}"
                );
            _window += count;
        }

        Wake();
    }

    /// <summary>Ends the channel for its writer.</summary>
    public void Close(Func<Exception> reason)
    {
        lock (_gate)
            _closed ??= reason;
        Wake();
    }

    protected override void Dispose(bool disposing)
    {
        bool open;
        lock (_gate)
        {
            open = _closed is null;
            _closed ??= () => new ObjectDisposedException(nameof(AgentWriteStream));
        }

        if (open)
            stream.Send(AgentFrameType.End, 0, []);
        Wake();
        base.Dispose(disposing);
    }

    // Of a window that has been taken; given back where the bytes cannot go now.
    private bool TrySend(ReadOnlySpan<byte> bytes, out Task room)
    {
        if (stream.TrySendBytes(bytes, out room))
            return true;
        lock (_gate)
            _window += bytes.Length;
        return false;
    }

    private int TakeWindow(int wanted, out Task changed)
    {
        lock (_gate)
        {
            if (_closed is not null)
                throw _closed();
            int count = Math.Min(wanted, _window);
            _window -= count;
            _waiter ??= count == 0 ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            changed = _waiter?.Task ?? Task.CompletedTask;
            return count;
        }
    }

    private void Wake()
    {
        TaskCompletionSource? waiter;
        lock (_gate)
            (waiter, _waiter) = (_waiter, null);
        waiter?.TrySetResult();
    }
}
