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
    /// <summary>Whose the addresses are that the switch itself has; no machine can be called so.</summary>
    public const string Switch = "the switch";

    private const int MostNetworks = 255;

    private readonly Lock _gate = new();
    private readonly List<(string Machine, IReadOnlyList<CardAddress> Cards)> _machines = [];
    private readonly Dictionary<string, BookedNetwork> _networks = [];
    private int _lastNumber;

    /// <summary>The network of a name, which is made where there is none.</summary>
    public BookedNetwork NetworkOf(string name)
    {
        lock (_gate)
        {
            if (!_networks.TryGetValue(name, out BookedNetwork? network))
            {
                NetworkSpec spec = networks.GetValueOrDefault(name) ?? new NetworkSpec();
                network = new BookedNetwork(spec, NextNumber(name, spec));
                _networks.Add(name, network);
            }

            return network;
        }
    }

    /// <summary>Enters a machine.</summary>
    /// <param name="machine">Its name.</param>
    /// <param name="cards">Its cards.</param>
    /// <param name="hasAgent">Whether its guest is told its addresses; else it makes that of IPv6 by itself.</param>
    /// <returns>What its cards go by, in their order.</returns>
    /// <exception cref="ArgumentException">An address is taken, or none of the network's.</exception>
    public IReadOnlyList<CardAddress> Enter(string machine, IReadOnlyList<Card> cards, bool hasAgent = true)
    {
        lock (_gate)
        {
            if (_machines.Exists(other => other.Machine == machine))
                throw new ArgumentException($"There is a machine \"{machine}\" already.", nameof(machine));
            try
            {
                CardAddress[] entered = [.. cards.Select(card => Give(machine, card, hasAgent))];
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
            var lines = new StringBuilder();
            foreach ((string name, CardAddress card, bool isNear) in SeenFrom(machine))
            {
                string names = isNear && name != machine ? $"{name} {name}.{card.Network}" : $"{name}.{card.Network}";
                foreach (IPAddress address in card.Addresses)
                    lines.Append(CultureInfo.InvariantCulture, $"{address}\t{names}\n");
            }

            return lines.ToString();
        }
    }

    // Not one whose addresses the test has given to another network.
    private int NextNumber(string network, NetworkSpec spec)
    {
        IPNetwork[] given =
        [
            .. networks
                .Where(other => other.Key != network)
                .SelectMany(other => (IPNetwork?[])[other.Value.Subnet, other.Value.Subnet6])
                .OfType<IPNetwork>(),
        ];
        while (++_lastNumber <= MostNetworks)
        {
            IPNetwork[] own = BookedNetwork.DefaultSubnets(_lastNumber);
            if (!given.Any(subnet => (spec.Subnet is null && Overlap(own[0], subnet)) || (spec.Subnet6 is null && Overlap(own[1], subnet))))
                return _lastNumber;
        }

        throw new ArgumentException(
            $"There are no addresses left for network \"{network}\": of the {MostNetworks} subnets that networks get, each is taken or "
                + "overlaps with one that was given. Give it a Subnet and a Subnet6 (ClusterSpec.Networks), or others smaller ones.",
            nameof(network)
        );
    }

    private static bool Overlap(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);

    /// <summary>The addresses of a name as a machine calls it, in any case of its letters; none where it is nobody's.</summary>
    public IReadOnlyList<IPAddress> Find(string machine, string name)
    {
        lock (_gate)
            return
            [
                .. SeenFrom(machine)
                    .Where(one => Is($"{one.Machine}.{one.Card.Network}") || (one.IsNear && Is(one.Machine)))
                    .SelectMany(one => one.Card.Addresses),
            ];

        bool Is(string known) => known.Equals(name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whose a card on a network is.</summary>
    public CardOwner? OwnerOf(string network, MacAddress mac)
    {
        lock (_gate)
        {
            foreach ((string machine, IReadOnlyList<CardAddress> cards) in _machines)
            {
                if (cards.FirstOrDefault(card => card.Network == network && card.Mac == mac) is { } card)
                    return new CardOwner(machine, card);
            }

            return null;
        }
    }

    /// <summary>Takes the lowest addresses of a network that are free for the switch itself: one of IPv4, one of IPv6.</summary>
    /// <exception cref="ArgumentException">There is none left.</exception>
    public IReadOnlyList<IPAddress> TakeForSwitch(string name)
    {
        lock (_gate)
        {
            BookedNetwork network = NetworkOf(name);
            return [.. network.Subnets.Select(subnet => network.TakeNext(Switch, name, subnet, first: 1))];
        }
    }

    private IEnumerable<(string Machine, CardAddress Card, bool IsNear)> SeenFrom(string machine)
    {
        string[] own = [.. _machines.Where(one => one.Machine == machine).SelectMany(one => one.Cards).Select(card => card.Network)];
        foreach ((string name, IReadOnlyList<CardAddress> cards) in _machines)
        {
            CardAddress? near = cards.FirstOrDefault(card => own.Contains(card.Network)) ?? (cards.Count > 0 ? cards[0] : null);
            foreach (CardAddress card in cards)
                yield return (name, card, card == near);
        }
    }

    private CardAddress Give(string machine, Card card, bool hasAgent)
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
            if (
                given.Length == 0
                && !hasAgent
                && network.Spec.Dhcp != false
                && subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6
            )
                given = [SelfMade(machine, card.Network, subnet, mac)];
            foreach (IPAddress address in given)
                network.Take(machine, card.Network, address, subnet);
            addresses.AddRange(given.Length > 0 ? given : [network.TakeNext(machine, card.Network, subnet)]);
        }

        return new CardAddress(card.Network, mac, card.Mtu ?? network.Spec.Mtu, network.Subnets, addresses);
    }

    private static IPAddress SelfMade(string machine, string network, IPNetwork subnet, MacAddress mac) =>
        subnet.PrefixLength == SelfMadeAddress.PrefixLength
            ? SelfMadeAddress.In(subnet, mac)
            : throw new ArgumentException(
                $"Machine \"{machine}\" has no agent, so it makes its IPv6 address on \"{network}\" by itself, for which {subnet} has "
                    + $"not the prefix of {SelfMadeAddress.PrefixLength}: give the network another Subnet6, "
                    + "or the card the IPv6 address that the guest sets."
            );
}

/// <summary>The addresses of one network.</summary>
internal sealed class BookedNetwork
{
    // Those below are for addresses that the test gives itself, and for the switch.
    private const int FirstPlace = 10;
    private const int FirstPlaceOfSmall = 2;
    private const int SmallBits = 4;

    private readonly Dictionary<IPAddress, string> _taken = [];

    public BookedNetwork(NetworkSpec spec, int number)
    {
        IPNetwork[] defaults = DefaultSubnets(number);
        (Spec, Subnets) = (spec, [spec.Subnet ?? defaults[0], spec.Subnet6 ?? defaults[1]]);
    }

    public NetworkSpec Spec { get; }

    /// <summary>That of IPv4, and that of IPv6.</summary>
    public IReadOnlyList<IPNetwork> Subnets { get; }

    /// <summary>The addresses of the network of a number where none are given.</summary>
    public static IPNetwork[] DefaultSubnets(int number) =>
        [
            IPNetwork.Parse(string.Create(CultureInfo.InvariantCulture, $"10.77.{number}.0/24")),
            IPNetwork.Parse(string.Create(CultureInfo.InvariantCulture, $"fd77:7e57:0:{number:x}::/64")),
        ];

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
        return TakeNext(machine, network, subnet, bits > SmallBits ? FirstPlace : FirstPlaceOfSmall);
    }

    public IPAddress TakeNext(string machine, string network, IPNetwork subnet, int first)
    {
        for (int place = first; ; place++)
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
