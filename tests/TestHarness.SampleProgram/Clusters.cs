using System.Globalization;

namespace TestHarness.SampleProgram;

internal static class Clusters
{
    public static async Task HoldAsync(int count)
    {
        var machine = new MachineSpec { MemoryMiB = 96, Networks = ["lan"] };
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec(Enumerable.Range(0, count).Select(index => KeyValuePair.Create(NameOf(index), machine)))
        );
        while (true)
        {
            await Task.WhenAll(
                Enumerable
                    .Range(0, count)
                    .Select(index => cluster[NameOf(index)].Shell.RunAsync($"ping -c 1 -W 5 {NameOf((index + 1) % count)}"))
            );
            Console.WriteLine($"reached {Environment.TickCount64}");
        }
    }

    private static string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"node{index}");
}
