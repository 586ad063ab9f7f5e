using System.Net.Sockets;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>A unix socket in a machine's folder that QEMU connects to, once.</summary>
internal sealed class ListeningSocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public ListeningSocket(string path)
    {
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        // bind(2) goes by the umask.
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _socket.Listen(1);
        QemuUser.Give(path);
    }

    public async Task<Stream> AcceptAsync(CancellationToken cancellationToken) =>
        new NetworkStream(await AcceptSocketAsync(cancellationToken).ConfigureAwait(false), ownsSocket: true);

    public async Task<Socket> AcceptSocketAsync(CancellationToken cancellationToken) =>
        await _socket.AcceptAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Stops listening and removes the socket's file.</summary>
    public void Dispose() => _socket.Dispose();
}
