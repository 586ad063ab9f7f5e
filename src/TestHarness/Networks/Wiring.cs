using System.Net;
using TestHarness.Agents;
using TestHarness.Qemu;

namespace TestHarness.Networks;

/// <summary>Where the cards of one machine lead, and what its guest is told of them.</summary>
/// <param name="machine">The machine's name on its networks.</param>
/// <param name="book">The names and addresses of all on them.</param>
/// <param name="cards">What its cards go by.</param>
/// <param name="cables">Their cables, in the same order; none where they lead nowhere.</param>
internal sealed class Wiring(string machine, AddressBook book, IReadOnlyList<CardAddress> cards, IReadOnlyList<CardCable> cables)
{
    /// <summary>That of a machine that nobody else is on a network with.</summary>
    /// <param name="machine">Its name.</param>
    /// <param name="spec">The machine.</param>
    /// <param name="isHeir">Whether it goes on from another one, whose addresses it may not have.</param>
    public static Wiring Alone(string machine, MachineSpec spec, bool isHeir)
    {
        var book = new AddressBook(new Dictionary<string, NetworkSpec>());
        return new Wiring(machine, book, book.Enter(machine, isHeir ? spec.CardsOfHeir : spec.CardsOnNetworks), []);
    }

    public IReadOnlyList<CardAddress> Cards => cards;

    /// <summary>By how much the guest's time is behind the host's.</summary>
    public Func<TimeSpan> Behind { get; init; } = () => TimeSpan.Zero;

    /// <summary>What its networks' faults follow from, or <see langword="null"/> where it is by itself.</summary>
    public int? Seed { get; init; }

    /// <summary>What writes the latest frames of its networks to a file, by their names.</summary>
    public IReadOnlyDictionary<string, Func<string, CancellationToken, Task>> Captures { get; init; } =
        new Dictionary<string, Func<string, CancellationToken, Task>>();

    /// <summary>How they are given to QEMU.</summary>
    public IReadOnlyList<CardPlug> Plugs =>
        [
            .. cards.Select(
                (card, index) =>
                    cables.Count == 0
                        ? CardPlug.Alone(card.Mac)
                        : new CardPlug(card.Mac, cables[index].Connect, () => cables[index].IsPulled)
            ),
        ];

    /// <summary>What a failure tells of it.</summary>
    public string Words =>
        string.Join("; ", cards.Select(card => $"{card.Network} {string.Join(" ", card.Addresses)} {card.Mac}"))
        + (Seed is { } seed ? FormattableString.Invariant($" (ClusterSpec.Seed {seed})") : "");

    /// <summary>What takes each card's connection; none where they lead nowhere.</summary>
    public IReadOnlyList<CardCable> Cables => cables;

    /// <summary>What the guest is told where its cards are new to it, or it is a copy.</summary>
    /// <param name="before">The addresses that its cards have by now, where it is a copy of a machine that ran.</param>
    public AgentNetworks Tell(IReadOnlyList<MacAddress> before) =>
        new(
            [
                .. cards.Select(
                    (card, index) =>
                        new AgentCard(
                            index < before.Count ? before[index] : MacAddress.OfTemplate(index),
                            card.Mac,
                            card.Mtu,
                            [
                                .. card.Addresses.Select(address =>
                                    (address, card.Subnets.First(subnet => subnet.Contains(address)).PrefixLength)
                                ),
                            ]
                        )
                ),
            ],
            book.HostsFor(machine)
        );

    /// <summary>What the guest is told where its cards have all that by now.</summary>
    public AgentNetworks TellNames() => new([], book.HostsFor(machine));
}
