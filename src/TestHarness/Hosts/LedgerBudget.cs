using System.Globalization;
using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>What all machines of a user may take together.</summary>
internal sealed record LedgerBudget(int MemoryMiB, int Cpus)
{
    // The rest is for the host, the test programs and QEMU's own needs beside the guest's RAM.
    private const int MemoryPercent = 80;

    // Most virtual machines of a test run idle most of the time.
    private const int CpusPerCore = 4;

    public static LedgerBudget OfHost() =>
        From(
            new LedgerHostFacts
            {
                MemoryInfo = File.ReadAllText("/proc/meminfo"),
                MemoryLimits = [.. ControlGroups.ReadMemoryFiles("memory.limit_in_bytes", "memory.max").Select(limit => limit.Text)],
                Cores = Environment.ProcessorCount,
                OwnMemoryMiB = EnvironmentVariables.MemoryMiB,
                OwnCpus = EnvironmentVariables.Cpus,
            }
        );

    /// <summary>
    /// Works the budget out. From the memory that the host has, not from what is available now: that shrinks with each machine that runs,
    /// so each process would come to another figure, and machines that it counts already would count twice.
    /// </summary>
    /// <exception cref="HostNotReadyException">A variable holds no number, or the host does not say how much memory it has.</exception>
    public static LedgerBudget From(LedgerHostFacts facts) =>
        new(
            Own("TESTHARNESS_MEMORY_MIB", facts.OwnMemoryMiB) ?? OfMemory(facts),
            Own("TESTHARNESS_CPUS", facts.OwnCpus) ?? CpusPerCore * facts.Cores
        );

    private static int OfMemory(LedgerHostFacts facts)
    {
        string? total = facts.MemoryInfo.Split('\n').FirstOrDefault(line => line.StartsWith("MemTotal:", StringComparison.Ordinal));
        if (
            total?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [_, var number, "kB"]
            || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)
        )
        {
            throw new HostNotReadyException(
                new FailureText("The host does not say how much memory it has.")
                    .Add("Found", $"/proc/meminfo: {total ?? "no line MemTotal"}")
                    .Try("set TESTHARNESS_MEMORY_MIB to what all machines together may take.")
            );
        }

        long bytes = kibibytes > long.MaxValue / 1024 ? long.MaxValue : kibibytes * 1024;
        foreach (string limit in facts.MemoryLimits)
        {
            // No limit is "max" in version 2, a number near 2^63 in version 1.
            if (long.TryParse(limit.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long limited))
                bytes = Math.Min(bytes, limited);
        }

        return (int)Math.Min(int.MaxValue, bytes / (1024 * 1024) * MemoryPercent / 100);
    }

    private static int? Own(string variable, string? value)
    {
        if (value is null)
            return null;
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw new HostNotReadyException(
                new FailureText($"{variable} is '{value}', which is not a whole number above 0.").Try($"unset {variable} for the default.")
            );
    }
}

/// <summary>What a budget is worked out from.</summary>
internal sealed record LedgerHostFacts
{
    /// <summary>The text of /proc/meminfo.</summary>
    public required string MemoryInfo { get; init; }

    /// <summary>The texts of the control groups' limit files, in bytes.</summary>
    public IReadOnlyList<string> MemoryLimits { get; init; } = [];

    public required int Cores { get; init; }

    /// <summary>The user's own figures, as they were given.</summary>
    public string? OwnMemoryMiB { get; init; }

    public string? OwnCpus { get; init; }
}
