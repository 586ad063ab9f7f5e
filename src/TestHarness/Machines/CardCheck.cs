using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace TestHarness.Machines;

/// <summary>Checks the cards that a machine has on networks. Pure.</summary>
internal static partial class CardCheck
{
    public static IEnumerable<string> Problems(MachineSpec spec)
    {
        IReadOnlyList<Card> cards = spec.CardsOnNetworks;
        if (cards.Count > MachineSpec.MaxCards)
            yield return $"Networks, Cards: {cards.Count} cards; at most {MachineSpec.MaxCards} are possible.";
        foreach (Card card in cards)
        {
            if (!NetworkName().IsMatch(card.Network))
                yield return $"Networks, Cards: the name \"{card.Network}\": 1 to 32 letters, digits and dashes, a letter first.";
            if (card.Mtu is < 1280 or > 9000)
                yield return $"Cards: the MTU {card.Mtu} on \"{card.Network}\": 1280 to 9000 are possible.";
            if (card.Mac is { } own && own == MacAddress.OfUserNetwork)
                yield return $"Cards: {own} on \"{card.Network}\" is that of the card on QEMU's user network, by which images know it.";
            if (card.Mac is { } mac && (!mac.IsUnicast || mac == default))
                yield return $"Cards: {mac} on \"{card.Network}\" is no address of one card.";
            if (card.Addresses.Count > 64)
                yield return $"Cards: {card.Addresses.Count} addresses on \"{card.Network}\"; at most 64 are possible.";
            foreach (
                IPAddress twice in card.Addresses.GroupBy(address => address).Where(group => group.Count() > 1).Select(group => group.Key)
            )
                yield return $"Cards: the address {twice} on \"{card.Network}\" is there twice.";
        }

        foreach (string twice in cards.GroupBy(card => card.Network).Where(group => group.Count() > 1).Select(group => group.Key))
            yield return $"Networks, Cards: the network \"{twice}\" is there twice; a machine has one card on each.";
    }

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9-]{0,31}\z")]
    private static partial Regex NetworkName();
}
