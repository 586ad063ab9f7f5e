using System.Globalization;

namespace TestHarness.Networks;

/// <summary>Counts packets by who sent what to whom.</summary>
internal sealed class PacketCounts
{
    private const int MostPairs = 10;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string From, string To, PacketProtocol Protocol), long> _counts = [];

    public void Add(CapturedPacket packet)
    {
        (string, string, PacketProtocol) kind = (packet.From, packet.To ?? "others", packet.Protocol);
        lock (_gate)
            _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
    }

    /// <summary>Returns how many there were, and a line for each pair of machines.</summary>
    public override string ToString()
    {
        KeyValuePair<(string From, string To, PacketProtocol Protocol), long>[] counts;
        lock (_gate)
            counts = [.. _counts];
        (string Pair, long Count, string Kinds)[] pairs =
        [
            .. counts
                .GroupBy(kind => $"{kind.Key.From} to {kind.Key.To}", StringComparer.Ordinal)
                .Select(pair =>
                    (
                        pair.Key,
                        pair.Sum(kind => kind.Value),
                        string.Join(
                            ", ",
                            pair.OrderByDescending(kind => kind.Value).Select(kind => $"{Of(kind.Value)} {kind.Key.Protocol}")
                        )
                    )
                )
                .OrderByDescending(pair => pair.Item2),
        ];
        return string.Join(
            '\n',
            [
                $"{Of(pairs.Sum(pair => pair.Count))} packets",
                .. pairs.Take(MostPairs).Select(pair => $"{pair.Pair}: {pair.Kinds}"),
                .. pairs.Length > MostPairs ? [$"and {Of(pairs.Skip(MostPairs).Sum(pair => pair.Count))} between others"] : (string[])[],
            ]
        );
    }

    private static string Of(long count) => count.ToString(CultureInfo.InvariantCulture);
}
