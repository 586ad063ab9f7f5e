using System.Diagnostics;
using Clusters;

namespace TestHarness.Benchmarks;

/// <summary>How soon a fresh cluster with replicated databases is there, restored from what its set-up left, and from its boots.</summary>
internal static class ClusterBenchmark
{
    public static async Task<IReadOnlyList<Metric>> RunAsync(int count, bool cold)
    {
        List<double> starts = [],
            rows = [];
        // The layer, where it is not there yet.
        await using (await Cluster.StartAsync(ReplicatedSpec.Cluster)) { }
        for (int i = 0; i < count; i++)
        {
            (double start, double row) = await MeasureAsync(ReplicatedSpec.Cluster);
            starts.Add(start);
            rows.Add(row);
        }

        List<Metric> metrics =
        [
            new("fresh cluster of 3 debian-12 with PostgreSQL until it has started", "ms", starts),
            new("the same, until a row that was inserted is read on the replica (1500 at most)", "ms", rows),
        ];
        if (cold)
            metrics.Add(new("the same from boots and set-up", "ms", [(await MeasureAsync(Cold())).Row]));
        return metrics;
    }

    private static async Task<(double Start, double Row)> MeasureAsync(ClusterSpec spec)
    {
        long began = Stopwatch.GetTimestamp();
        await using Cluster cluster = await Cluster.StartAsync(spec);
        double start = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        await cluster["primary"].Shell.RunAsync($"{ReplicatedSpec.Sql} \"insert into words values ('one')\"");
        await cluster["replica1"]
            .Shell.RunAsync($"until {ReplicatedSpec.Sql} 'select word from words' | grep -qx one; do sleep 0.02; done");
        return (start, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
    }

    private static ClusterSpec Cold()
    {
        ClusterSpec warm = ReplicatedSpec.Cluster;
        return new ClusterSpec
        {
            ["primary"] = warm["primary"] with { Start = StartMode.Cold },
            ["replica1"] = warm["replica1"] with { Start = StartMode.Cold },
            ["replica2"] = warm["replica2"] with { Start = StartMode.Cold },
            Setup = warm.Setup,
        };
    }
}
