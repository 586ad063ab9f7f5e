using System.Net.Sockets;

namespace TestHarness.Networks.Ethernet;

/// <summary>
/// The wire between a port and a machine's card: a unix socket of QEMU's stream netdev. A thread of its own reads, for that costs a third
/// less processor time a frame than awaiting.
/// </summary>
internal sealed class SocketWire : IFrameSink, IDisposable
{
    // Several frames a read, and the largest one whole.
    private const int BufferBytes = 4 * 65536;

    private readonly Socket _socket;
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _reader;

    /// <summary>Takes a socket that is connected; it goes with the wire.</summary>
    public SocketWire(Socket socket)
    {
        _socket = socket;
        socket.Blocking = false;
    }

    /// <summary>Ends with the reason when the far end is gone, or what came is no stream of frames.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Begins to carry what comes.</summary>
    public void Start(EthernetSwitch to, SwitchPort port)
    {
        _reader = new Thread(() => Read(to, port)) { IsBackground = true, Name = $"from {port.Name}" };
        _reader.Start();
    }

    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        int sent;
        SocketError error;
        try
        {
            sent = _socket.Send(bytes, SocketFlags.None, out error);
        }
        catch (ObjectDisposedException)
        {
            return bytes.Length;
        }

        return error switch
        {
            SocketError.Success => sent,
            SocketError.WouldBlock => 0,
            // It is gone, and so is what was for it; the reader says so.
            _ => bytes.Length,
        };
    }

    public void WaitForRoom(TimeSpan limit)
    {
        try
        {
            _socket.Poll(limit, SelectMode.SelectWrite);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is gone: what is sent next finds that out.
        }
    }

    public void Dispose()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // Gone by itself.
        }

        _reader?.Join();
        _socket.Dispose();
    }

    private void Read(EthernetSwitch to, SwitchPort port)
    {
        string why;
        try
        {
            why = ReadUntilEnd(to, port);
        }
        catch (Exception e) when (e is SocketException or InvalidDataException or ObjectDisposedException)
        {
            why = e.Message;
        }

        port.Unplug(this);
        _ended.TrySetResult(why);
    }

    private string ReadUntilEnd(EthernetSwitch to, SwitchPort port)
    {
        var buffer = new byte[BufferBytes];
        int filled = 0;
        while (true)
        {
            int read = _socket.Receive(buffer.AsSpan(filled), SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                _socket.Poll(Timeout.InfiniteTimeSpan, SelectMode.SelectRead);
                continue;
            }

            if (error != SocketError.Success || read == 0)
                return error == SocketError.Success ? "QEMU has closed the card's socket" : $"the card's socket: {error}";
            filled += read;
            int carried = to.Carry(port, buffer.AsSpan(0, filled));
            buffer.AsSpan(carried, filled - carried).CopyTo(buffer);
            filled -= carried;
        }
    }
}
