using TestHarness.Clusters;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;
using TestHarness.Tests.Networks;

namespace TestHarness.Tests.Clusters;

/// <summary>A network of two machines, db and web, that are described and not started; a test sends in their names.</summary>
internal sealed class NetworkOfTwo : IAsyncDisposable
{
    private static readonly string[] Names = ["db", "web"];

    private readonly List<VirtualMachine> _machines = [];

    public NetworkOfTwo(TimeProvider? time = null, int captureMiB = 1)
    {
        var spec = new NetworkSpec { CaptureMiB = captureMiB };
        Network = new ClusterNetwork("lan", spec, seed: 1, time ?? TimeProvider.System);
        var book = new AddressBook(new Dictionary<string, NetworkSpec>());
        foreach (string name in Names)
        {
            var machine = new MachineSpec { Hostname = name, Networks = ["lan"] };
            IReadOnlyList<CardAddress> cards = book.Enter(name, machine.CardsOnNetworks);
            var wiring = new Wiring(name, book, cards, []);
            _machines.Add(new VirtualMachine(machine, wiring));
            Network.Switch.Add(name, cards[0].Mac);
            Network.Add(new ClusterMember(name, _machines[^1], wiring));
        }
    }

    public ClusterNetwork Network { get; }

    public static MacAddress CardOf(string name) => MacAddress.For($"{name}.lan");

    /// <summary>The timeline of a machine.</summary>
    public IReadOnlyList<MachineEvent> Events(string name = "db") =>
        _machines[Array.IndexOf(Names, name)].Operations.Record.Events.ToList();

    public void Send(string from, byte[] frame)
    {
        SwitchPort port = Network.Switch.Ports.First(port => port.Name == from);
        Network.Switch.Carry(port, Frames.Stream(frame));
    }

    /// <summary>Sends a TCP packet from web to db.</summary>
    public void SendTcp(int toPort, params byte[] payload) =>
        Send("web", Frames.Ip(CardOf("db"), CardOf("web"), "10.77.1.11", "10.77.1.10", Frames.Tcp, Frames.OfTcp(40_000, toPort, payload)));

    public async ValueTask DisposeAsync()
    {
        await Network.EndAsync();
        Network.Switch.Dispose();
        foreach (VirtualMachine machine in _machines)
            await machine.DisposeAsync();
    }
}
