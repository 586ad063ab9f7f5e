using System.Net.Sockets;

namespace TestHarness.FakeQemu;

internal static class Channels
{
    // The working directory is the machine's folder, as for the real one.
    public static Socket Connect(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(name));
        return socket;
    }
}
