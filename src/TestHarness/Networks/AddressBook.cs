using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TestHarness.Networks;

/// <summary>Gives the machines of a cluster their addresses, each once, and says what all are called.</summary>
/// <param name="networks">The networks that are not as by default, by their names.</param>
internal sealed class AddressBook(IReadOnlyDictionary<string, NetworkSpec> networks)
{
    private const int MostNetworks = 255;

    private readonly Lock _gate = new();
    private readonly List<(string Machine, IReadOnlyList<CardAddress> Cards)> _machines = [];
    private readonly Dictionary<string, BookedNetwork> _networks = [];

    /// <summary>The network of a name, which is made where there is none.</summary>
    public BookedNetwork NetworkOf(string name)
    {
        lock (_gate)
        {
            if (!_networks.TryGetValue(name, out BookedNetwork? network))
            {
                if (_networks.Count == MostNetworks)
                    throw new ArgumentException($"There are more than {MostNetworks} networks; \"{name}\" is one too many.", nameof(name));
                network = new BookedNetwork(networks.GetValueOrDefault(name) ?? new NetworkSpec(), _networks.Count + 1);
                _networks.Add(name, network);
            }

            return network;
        }
    }

    /// <summary>Enters a machine.</summary>
    /// <param name="machine">Its name.</param>
    /// <param name="cards">Its cards.</param>
    /// <returns>What its cards go by, in their order.</returns>
    /// <exception cref="ArgumentException">An address is taken, or none of the network's.</exception>
    public IReadOnlyList<CardAddress> Enter(string machine, IReadOnlyList<Card> cards)
    {
        lock (_gate)
        {
            if (_machines.Exists(other => other.Machine == machine))
                throw new ArgumentException($"There is a machine \"{machine}\" already.", nameof(machine));
            try
            {
                CardAddress[] entered = [.. cards.Select(card => Give(machine, card))];
                _machines.Add((machine, entered));
                return entered;
            }
            catch
            {
                Remove(machine);
                throw;
            }
        }
    }

    /// <summary>Strikes out a machine that did not come.</summary>
    public void Remove(string machine)
    {
        lock (_gate)
        {
            _machines.RemoveAll(one => one.Machine == machine);
            foreach (BookedNetwork network in _networks.Values)
                network.Release(machine);
        }
    }

    /// <summary>
    /// The lines of hosts(5) for a machine: all names, <c>db.lan</c>, and <c>db</c> for the address on a network that both are on.
    /// </summary>
    public string HostsFor(string machine)
    {
        lock (_gate)
        {
            string[] own = [.. _machines.Where(one => one.Machine == machine).SelectMany(one => one.Cards).Select(card => card.Network)];
            var lines = new StringBuilder();
            foreach ((string name, IReadOnlyList<CardAddress> cards) in _machines)
            {
                CardAddress? near = cards.FirstOrDefault(card => own.Contains(card.Network)) ?? (cards.Count > 0 ? cards[0] : null);
                foreach (CardAddress card in cards)
                {
                    string names = card == near && name != machine ? $"{name} {name}.{card.Network}" : $"{name}.{card.Network}";
                    foreach (IPAddress address in card.Addresses)
                        lines.Append(CultureInfo.InvariantCulture, $"{address}\t{names}\n");
                }
            }

            return lines.ToString();
        }
    }

    private CardAddress Give(string machine, Card card)
    {
        BookedNetwork network = NetworkOf(card.Network);
        MacAddress mac = card.Mac ?? MacAddress.For($"{machine}.{card.Network}");
        foreach ((string other, IReadOnlyList<CardAddress> cards) in _machines)
        {
            if (cards.FirstOrDefault(taken => taken.Network == card.Network && taken.Mac == mac) is not null)
                throw new ArgumentException($"The card {mac} of machine \"{machine}\" on \"{card.Network}\" is that of \"{other}\".");
        }

        List<IPAddress> addresses = [];
        foreach (IPNetwork subnet in network.Subnets)
        {
            IPAddress[] given = [.. card.Addresses.Where(address => address.AddressFamily == subnet.BaseAddress.AddressFamily)];
            foreach (IPAddress address in given)
                network.Take(machine, card.Network, address, subnet);
            addresses.AddRange(given.Length > 0 ? given : [network.TakeNext(machine, card.Network, subnet)]);
        }

        return new CardAddress(card.Network, mac, card.Mtu ?? network.Spec.Mtu, network.Subnets, addresses);
    }
}

/// <summary>The addresses of one network.</summary>
internal sealed class BookedNetwork
{
    // Those below are for addresses that the test gives itself.
    private const int FirstPlace = 10;
    private const int FirstPlaceOfSmall = 2;
    private const int SmallBits = 4;

    private readonly Dictionary<IPAddress, string> _taken = [];

    public BookedNetwork(NetworkSpec spec, int number)
    {
        Spec = spec;
        Subnets =
        [
            spec.Subnet ?? IPNetwork.Parse(string.Create(CultureInfo.InvariantCulture, $"10.77.{number}.0/24")),
            spec.Subnet6 ?? IPNetwork.Parse(string.Create(CultureInfo.InvariantCulture, $"fd77:7e57:0:{number:x}::/64")),
        ];
    }

    public NetworkSpec Spec { get; }

    /// <summary>That of IPv4, and that of IPv6.</summary>
    public IReadOnlyList<IPNetwork> Subnets { get; }

    public void Take(string machine, string network, IPAddress address, IPNetwork subnet)
    {
        if (!subnet.Contains(address))
            throw new ArgumentException(
                $"The address {address} of machine \"{machine}\" is none of network \"{network}\", which has {subnet}: "
                    + "give the network another subnet (ClusterSpec.Networks), or the card another address."
            );
        if (!_taken.TryAdd(address, machine))
            throw new ArgumentException(
                $"The address {address} of machine \"{machine}\" on \"{network}\" is that of \"{_taken[address]}\"."
            );
    }

    public IPAddress TakeNext(string machine, string network, IPNetwork subnet)
    {
        int bits = (8 * subnet.BaseAddress.GetAddressBytes().Length) - subnet.PrefixLength;
        for (int place = bits > SmallBits ? FirstPlace : FirstPlaceOfSmall; ; place++)
        {
            IPAddress address = At(subnet.BaseAddress, place);
            // The last of IPv4 is for all.
            if (!subnet.Contains(address) || (address.AddressFamily == AddressFamily.InterNetwork && !subnet.Contains(At(address, 1))))
                throw new ArgumentException(
                    $"The network \"{network}\" has no address left for machine \"{machine}\" in {subnet}: give it a larger subnet."
                );
            if (_taken.TryAdd(address, machine))
                return address;
        }
    }

    public void Release(string machine)
    {
        foreach ((IPAddress address, string owner) in _taken.ToArray())
        {
            if (owner == machine)
                _taken.Remove(address);
        }
    }

    private static IPAddress At(IPAddress address, int further)
    {
        byte[] bytes = address.GetAddressBytes();
        Span<byte> last = bytes.AsSpan(bytes.Length - 4);
        BinaryPrimitives.WriteUInt32BigEndian(last, BinaryPrimitives.ReadUInt32BigEndian(last) + (uint)further);
        return new IPAddress(bytes);
    }
}
