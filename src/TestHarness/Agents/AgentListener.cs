using System.Threading.Channels;

namespace TestHarness.Agents;

/// <summary>A TCP port inside the guest whose connections come to the host.</summary>
internal sealed class AgentListener : IAsyncDisposable
{
    private readonly AgentStream _stream;
    private readonly AgentBacklog _backlog;

    public AgentListener(AgentStream stream, AgentBacklog backlog, int port)
    {
        _stream = stream;
        _backlog = backlog;
        Port = port;
        // Whatever ends the listener ends the waits for connections, too.
        stream.Ended.ContinueWith(
            ended => backlog.Close(ended.Exception?.InnerException),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
    }

    /// <summary>Gets the port, which the guest's kernel chose where 0 was asked for.</summary>
    public int Port { get; }

    /// <summary>Gets a value indicating whether the guest still listens, as far as is known here.</summary>
    public bool IsOpen => !_stream.Ended.IsCompleted;

    /// <summary>Waits for the next connection.</summary>
    /// <exception cref="ObjectDisposedException">The listener was disposed.</exception>
    public Task<AgentTcpStream> AcceptAsync(CancellationToken cancellationToken) => _backlog.TakeAsync(cancellationToken);

    public ValueTask DisposeAsync()
    {
        _stream.Kill();
        _backlog.Close(reason: null);
        return ValueTask.CompletedTask;
    }
}

/// <summary>
/// Connections that wait to be taken. One more is closed, as a full backlog of Linux does it: each may hold a window of bytes.
/// </summary>
internal sealed class AgentBacklog
{
    private const int MostWaiting = 64;

    // TryWrite fails where it is full.
    private readonly Channel<AgentTcpStream> _waiting = Channel.CreateBounded<AgentTcpStream>(MostWaiting);

    public void Add(AgentStream stream, string peer)
    {
        if (!_waiting.Writer.TryWrite(new AgentTcpStream(stream, peer)))
            stream.Kill();
    }

    public async Task<AgentTcpStream> TakeAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _waiting.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw e.InnerException ?? new ObjectDisposedException(nameof(AgentListener));
        }
    }

    /// <summary>Ends the waits, and closes what nobody took.</summary>
    public void Close(Exception? reason)
    {
        _waiting.Writer.TryComplete(reason);
        while (_waiting.Reader.TryRead(out AgentTcpStream? left))
            left.Dispose();
    }
}
