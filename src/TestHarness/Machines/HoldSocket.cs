using System.Net.Sockets;

namespace TestHarness.Machines;

/// <summary>A unix socket, for this user only, that serves up to 32 connections at once until it is disposed; one more is closed.</summary>
internal sealed class HoldSocket : IAsyncDisposable
{
    private const int MaxConnections = 32;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _closed = new();
    private readonly Func<NetworkStream, CancellationToken, Task> _serve;
    private readonly Task _accepting;

    /// <summary>Listens; <paramref name="serve"/> is run for each connection, which is closed after it.</summary>
    public HoldSocket(string path, Func<NetworkStream, CancellationToken, Task> serve)
    {
        (Path, _serve) = (path, serve);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _listener.Listen();
        _accepting = AcceptAsync();
    }

    public string Path { get; }

    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        _listener.Dispose();
        _closed.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync(_closed.Token).ConfigureAwait(false);
                connections.RemoveAll(connection => connection.IsCompleted);
                if (connections.Count < MaxConnections)
                    connections.Add(ServeAsync(socket));
                else
                    socket.Dispose();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Closed.
        }

        await Task.WhenAll(connections).ConfigureAwait(false);
    }

    private async Task ServeAsync(Socket socket)
    {
        var stream = new NetworkStream(socket, ownsSocket: true);
        await using (stream.ConfigureAwait(false))
        {
            try
            {
                await _serve(stream, _closed.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
            {
                // The person has left, or the hold is over.
            }
        }
    }
}
