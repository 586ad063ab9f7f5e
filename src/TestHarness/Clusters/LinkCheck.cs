using System.Globalization;
using TestHarness.Text;

namespace TestHarness.Clusters;

/// <summary>Finds mistakes in conditions, and says in words what they are. Pure.</summary>
internal static class LinkCheck
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    public static IEnumerable<string> Problems(LinkConditions conditions)
    {
        (string Name, double Share)[] shares =
        [
            (nameof(conditions.Loss), conditions.Loss),
            (nameof(conditions.Duplication), conditions.Duplication),
            (nameof(conditions.Reordering), conditions.Reordering),
            (nameof(conditions.Corruption), conditions.Corruption),
        ];
        foreach ((string name, double share) in shares)
        {
            if (share is not (>= 0 and <= 1))
                yield return Invariant($"{name} is {share}: it is a share of the frames, 0 to 1.");
        }

        if (conditions.Latency < TimeSpan.Zero || conditions.Latency > Longest)
            yield return $"Latency is {conditions.Latency}: 0 to {Longest} are possible.";
        if (conditions.Jitter < TimeSpan.Zero || conditions.Jitter > Longest)
            yield return $"Jitter is {conditions.Jitter}: 0 to {Longest} are possible.";
        if (conditions.LossBurst is not (>= 1 and <= 1_000_000))
            yield return Invariant($"LossBurst is {conditions.LossBurst}: 1 to 1000000 frames are possible.");
        else if (conditions is { LossBurst: > 1, Loss: < 1 } && conditions.Loss > conditions.LossBurst / (conditions.LossBurst + 1))
            yield return Invariant($"LossBurst is {conditions.LossBurst}, too short for a Loss of {conditions.Loss}: ")
                + Invariant($"{Math.Ceiling(conditions.Loss / (1 - conditions.Loss))} or more are possible.");
        if (conditions.BitsPerSecond <= 0)
            yield return Invariant($"BitsPerSecond is {conditions.BitsPerSecond}: it must be more than 0; Cut carries nothing.");
        if (conditions.QueueBytes is < 0 or > 16 * 1024 * 1024)
            yield return Invariant($"QueueBytes is {conditions.QueueBytes}: 0 to 16777216 are possible.");
        if (conditions.LargestPacket < 0)
            yield return Invariant($"LargestPacket is {conditions.LargestPacket}: it must be 0 or more.");
    }

    public static string Describe(LinkConditions conditions)
    {
        string?[] words =
        [
            conditions.Latency > TimeSpan.Zero ? $"latency {DurationText.Write(conditions.Latency)}" : null,
            conditions.Jitter > TimeSpan.Zero ? $"jitter {DurationText.Write(conditions.Jitter)}" : null,
            conditions.Loss > 0 ? Invariant($"loss {conditions.Loss}") : null,
            conditions is { Loss: > 0, LossBurst: > 1 } ? Invariant($"in bursts of {conditions.LossBurst}") : null,
            conditions.Duplication > 0 ? Invariant($"duplication {conditions.Duplication}") : null,
            conditions.Reordering > 0 ? Invariant($"reordering {conditions.Reordering}") : null,
            conditions.Corruption > 0 ? Invariant($"corruption {conditions.Corruption}") : null,
            conditions.BitsPerSecond is { } rate ? Invariant($"{rate} bits a second") : null,
            conditions.LargestPacket is { } largest ? Invariant($"packets of {largest} bytes at most") : null,
        ];
        string[] said = [.. words.OfType<string>()];
        return said.Length > 0 ? string.Join(", ", said) : "no conditions";
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
