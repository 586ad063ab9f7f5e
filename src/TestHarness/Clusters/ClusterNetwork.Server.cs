using TestHarness.Clusters;
using TestHarness.Networks;
using TestHarness.Networks.Answers;

namespace TestHarness;

// What the switch itself answers.
public sealed partial class ClusterNetwork
{
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private SwitchServer? _server;

    /// <summary>
    /// Gets where the switch itself answers DHCP, router solicitations and DNS, and why, or <see langword="null"/> where it does not
    /// (<see cref="NetworkSpec.Dhcp"/>). What it got and sent is in <see cref="Traffic"/>, under the name "the switch".
    /// </summary>
    public NetworkServer? Server { get; private set; }

    /// <summary>
    /// Decides whether the switches answer. Not before all machines have their addresses, so that they take what is free.
    /// </summary>
    /// <exception cref="ArgumentException">There is no address left for one.</exception>
    internal static void Serve(IEnumerable<ClusterNetwork> networks, AddressBook book)
    {
        foreach (ClusterNetwork network in networks)
            network.Serve(book);
    }

    /// <summary>Ends it, once its machines have.</summary>
    internal void End()
    {
        _server?.Dispose();
        Switch.Dispose();
    }

    private void Serve(AddressBook book)
    {
        lock (_gate)
        {
            if (Server is null && ReasonToServe() is { } reason)
            {
                _server = new SwitchServer(Switch, book, Name);
                Server = new NetworkServer(_server.Host.IPv4, _server.Host.IPv6, reason);
            }

            if (Server is null)
                return;
            foreach (ClusterMember member in _members.Values.Where(member => _told.Add(member.Name)))
                member.Machine.Operations.Record.NoteNetwork(
                    $"{Name}: the switch answers DHCP, router solicitations and DNS at {Server.IPv4} and {Server.IPv6}: {Server.Reason}"
                );
        }
    }

    private string? ReasonToServe() =>
        Spec.Dhcp switch
        {
            true => "NetworkSpec.Dhcp is true",
            false => null,
            null => _members.Values.FirstOrDefault(member => member.Machine.Spec.GuestAccess == GuestAccess.None) is { } without
                ? $"machine \"{without.Name}\" lacks the agent"
                : null,
        };
}
