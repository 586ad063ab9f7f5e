using System.Net.Sockets;
using System.Text.RegularExpressions;
using TestHarness.Machines;
using TestHarness.Specs;

namespace TestHarness.Clusters;

/// <summary>Checks a cluster's description before anything is started. Pure.</summary>
internal static partial class ClusterCheck
{
    /// <summary>How many machines a cluster may have.</summary>
    public const int MostMachines = 64;

    /// <exception cref="ArgumentException">It has mistakes; all are named.</exception>
    public static void Check(ClusterSpec spec)
    {
        string[] nulls = [.. NullMembers.In(spec).Select(member => $"{member} is null: give it a value, or leave it out.")];
        string[] problems = nulls.Length > 0 ? nulls : [.. Problems(spec)];
        if (problems.Length > 0)
            throw new ArgumentException(
                $"The cluster's spec has {problems.Length} mistake(s):\n  {string.Join("\n  ", problems)}",
                nameof(spec)
            );
    }

    /// <summary>Finds mistakes in the name of a machine and in its cards.</summary>
    public static IEnumerable<string> Problems(string name, MachineSpec machine)
    {
        if (!MachineName().IsMatch(name))
            yield return $"The machine \"{name}\": a name has 1 to 63 letters, digits and dashes, beginning with a letter.";
        foreach (string problem in OwnProblems(name, machine))
            yield return problem;
        if (machine.Spares > 0)
            yield return $"The machine \"{name}\" has Spares, which machines of a cluster have not.";
    }

    private static string[] OwnProblems(string name, MachineSpec machine)
    {
        try
        {
            SpecValidation.Check(machine);
            return [];
        }
        catch (ArgumentException e)
        {
            return [$"The machine \"{name}\": {e.Message}"];
        }
    }

    private static IEnumerable<string> Problems(ClusterSpec spec)
    {
        if (spec.Machines.Count == 0)
            yield return "There is no machine: name one, such as [\"db\"] = new MachineSpec().";
        if (spec.Machines.Count > MostMachines)
            yield return $"There are {spec.Machines.Count} machines: at most {MostMachines} are possible.";
        foreach ((string name, MachineSpec? machine) in spec.Machines)
        {
            foreach (string problem in machine is null ? [$"The machine \"{name}\" is null."] : Problems(name, machine))
                yield return problem;
        }

        foreach (string problem in SetupProblems(spec))
            yield return problem;
        string[] used = [.. spec.Machines.SelectMany(machine => machine.Value?.CardsOnNetworks ?? []).Select(card => card?.Network ?? "")];
        foreach ((string name, NetworkSpec? network) in spec.Networks)
        {
            if (network is null)
            {
                yield return $"The network \"{name}\" is null.";
                continue;
            }

            if (!used.Contains(name, StringComparer.Ordinal))
                yield return $"The network \"{name}\" has no machine on it: the machines name {Named(used)}.";
            foreach (string problem in Problems(name, network))
                yield return problem;
        }
    }

    // Each says on which machine, or waits for all.
    private static IEnumerable<string> SetupProblems(ClusterSpec spec)
    {
        foreach ((int index, SetupStep step) in spec.Setup.Index())
        {
            if (!step.IsOfCluster || step is UntilStep { Label: "" })
                yield return $"Setup[{index}]: say on which machine (SetupStep.On), or what to wait for (SetupStep.WaitUntil).";
            if (step is not OnStep on)
                continue;
            if (!spec.Machines.Any(machine => machine.Key == on.Machine))
                yield return $"Setup[{index}]: there is no machine \"{on.Machine}\".";
            GuestAccess access = spec.Machines.FirstOrDefault(machine => machine.Key == on.Machine).Value?.GuestAccess ?? GuestAccess.Auto;
            foreach (string problem in SetupCheck.Problems([on.Step], access, $"Setup[{index}]"))
                yield return problem;
        }
    }

    private static IEnumerable<string> Problems(string name, NetworkSpec network)
    {
        if (
            network.Subnet is { } subnet
            && (subnet.BaseAddress.AddressFamily != AddressFamily.InterNetwork || subnet.PrefixLength is < 8 or > 29)
        )
            yield return $"The network \"{name}\" has the subnet {subnet}: give one of IPv4 with a prefix of 8 to 29.";
        if (
            network.Subnet6 is { } subnet6
            && (subnet6.BaseAddress.AddressFamily != AddressFamily.InterNetworkV6 || subnet6.PrefixLength is < 16 or > 120)
        )
            yield return $"The network \"{name}\" has the subnet {subnet6}: give one of IPv6 with a prefix of 16 to 120.";
        if (network.Mtu is < 1280 or > 9000)
            yield return $"The network \"{name}\" has the MTU {network.Mtu}: 1280 to 9000 are possible.";
        if (network.CaptureMiB is < 0 or > 1024)
            yield return $"The network \"{name}\" has CaptureMiB {network.CaptureMiB}: 0 to 1024 are possible.";
    }

    private static string Named(string[] networks) =>
        networks.Length == 0 ? "none" : string.Join(", ", networks.Distinct(StringComparer.Ordinal));

    [GeneratedRegex(@"\A[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\z")]
    private static partial Regex MachineName();
}
