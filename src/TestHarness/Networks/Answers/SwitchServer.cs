using System.Net;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Networks.Answers;

/// <summary>
/// Answers on a network in the switch's own name, at a port like a machine's: what waits for it has a bound for each sender, and a
/// thread of its own does the work.
/// </summary>
internal sealed class SwitchServer : IDisposable
{
    private readonly EthernetSwitch _at;
    private readonly SwitchPort _port;
    private readonly FrameInbox _inbox;

    /// <summary>Begins to answer.</summary>
    /// <param name="at">The network's switch.</param>
    /// <param name="book">The machines' names and addresses; the switch takes its own of it.</param>
    /// <param name="network">The network's name.</param>
    /// <exception cref="ArgumentException">The network has no address left for it.</exception>
    public SwitchServer(EthernetSwitch at, AddressBook book, string network)
    {
        IReadOnlyList<IPAddress> addresses = book.TakeForSwitch(network);
        Host = new SwitchHost(network, addresses[0], addresses[1]);
        var answers = new NetworkAnswers(Host, book);
        _at = at;
        _port = at.Add(AddressBook.Switch, Host.Mac);
        _inbox = new FrameInbox($"answers on {network}", frame =>
        {
            if (answers.To(frame) is { } answer)
                at.SendOwn(_port, answer);
        });
        _port.Plug(_inbox);
    }

    public SwitchHost Host { get; }

    public void Dispose()
    {
        _at.Remove(_port);
        _inbox.Dispose();
    }
}
