using TestHarness.Hosts;
using TestHarness.Machines;

namespace TestHarness.Clusters;

/// <summary>What a cluster takes of the host at least. Pure.</summary>
internal static class ClusterRoom
{
    /// <summary>
    /// The shares of its machines, and the memory of their templates, which counts once: machines of one image share one, or else it is
    /// more.
    /// </summary>
    public static LedgerRequest Of(string name, IReadOnlyList<MachineSpec> machines) =>
        new(
            name,
            machines.Sum(MachineRun.LeastMemoryMiB)
                + machines.Where(MachineRun.SharesMemory).GroupBy(spec => spec.Image).Sum(specs => specs.Max(spec => spec.MemoryMiB)),
            machines.Sum(spec => spec.Cpus)
        )
        {
            Noun = "Cluster",
        };
}
