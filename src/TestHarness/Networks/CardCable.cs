using System.Net.Sockets;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Networks;

/// <summary>
/// The cable between a machine's card and a switch. The machine's QEMU may be another one after a reboot; the port stays.
/// </summary>
internal sealed class CardCable(EthernetSwitch at, SwitchPort port) : IDisposable
{
    private readonly Lock _gate = new();
    private SocketWire? _wire;
    private bool _isDisposed;

    /// <summary>Whether it is pulled out, which the machine's QEMU is told.</summary>
    public bool IsPulled
    {
        get => port.IsPulled;
        set => port.IsPulled = value;
    }

    /// <summary>Plugs in a QEMU that has connected; the one before is gone.</summary>
    public void Connect(Socket socket)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                socket.Dispose();
                return;
            }

            SocketWire? before = _wire;
            _wire = new SocketWire(socket);
            port.Plug(_wire);
            before?.Dispose();
            _wire.Start(at, port);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            port.Plug(null);
            _wire?.Dispose();
        }

        at.Remove(port);
    }
}
