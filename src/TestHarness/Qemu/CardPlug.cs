using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace TestHarness.Qemu;

/// <summary>How a card on a network is given to QEMU.</summary>
/// <param name="Mac">Its address.</param>
/// <param name="Connected">Takes the connection that QEMU opens for it, or <see langword="null"/> where its cable leads nowhere.</param>
/// <param name="IsPulled">Says whether its cable is pulled out.</param>
internal sealed record CardPlug(MacAddress Mac, Action<Socket>? Connected, Func<bool> IsPulled)
{
    /// <summary>A card whose cable leads nowhere.</summary>
    public static CardPlug Alone(MacAddress mac) => new(mac, Connected: null, () => false);

    /// <summary>The cards of a machine in a template: what machines share that are restored from it.</summary>
    public static IReadOnlyList<CardPlug> OfTemplate(MachineSpec spec) =>
        [.. spec.CardsOnNetworks.Select((_, index) => Alone(MacAddress.OfTemplate(index)))];

    /// <summary>Tells QEMU which cables are pulled out; the guest sees its carriers go and come.</summary>
    public static async Task SetLinksAsync(IReadOnlyList<CardPlug> cards, QmpClient monitor, CancellationToken cancellationToken)
    {
        foreach ((int index, CardPlug card) in cards.Index())
            await monitor
                .ExecuteAsync(
                    "set_link",
                    new JsonObject { ["name"] = DeviceArguments.CardId(index), ["up"] = !card.IsPulled() },
                    cancellationToken
                )
                .ConfigureAwait(false);
    }
}
