using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>The words for who waits for whom.</summary>
internal static class LedgerText
{
    private const int MostNamed = 8;

    /// <summary>One line for who looks on.</summary>
    public static string Waiting(LedgerRequest request, LedgerVerdict verdict)
    {
        string text = Lack(request, verdict);
        if (verdict.Holders.Count > 0)
            text += $"; held by {Names(verdict.Holders)}{Shared(verdict.Holders)}";
        return verdict.Ahead.Count > 0 ? $"{text}; first come {Names(verdict.Ahead)}" : text;
    }

    public static HostNotReadyException OutOfTime(LedgerRequest request, TimeSpan limit, LedgerVerdict verdict) =>
        new(
            new FailureText(
                $"Machine '{request.Machine}' got no share of the host within {limit.TotalSeconds:0.###} s: {Lack(request, verdict)}."
            )
                .Add("Held by", string.Join('\n', verdict.Holders) + Shared(verdict.Holders))
                .Add("Waiting before it", string.Join('\n', verdict.Ahead))
                .Try(
                    $"a smaller MemoryMiB or Cpus in the MachineSpec; dispose machines once they are not needed; run fewer tests at once; "
                        + $"or raise {Variables(verdict.Budget)}."
                )
        );

    public static HostNotReadyException Locked(LedgerRequest request, TimeSpan limit, string path) =>
        new(
            new FailureText($"Machine '{request.Machine}' got no share of the host within {limit.TotalSeconds:0.###} s.")
                .Add("Waited for", $"the lock '{path}', which a process holds for a moment only unless it is stopped")
                .Try($"fuser -v '{path}' shows that process: continue or end it.")
        );

    public static HostNotReadyException Occupied(TimeSpan limit, string folder) =>
        new(
            new FailureText($"The cluster could not begin to start within {limit.TotalMinutes:0} minutes: another one was starting.")
                .Add("Waited for", $"the lock of the folder '{folder}', which a cluster has while its machines start")
                .Try($"fuser -v '{folder}' shows whose it is: end that process if it stands still.")
        );

    public static HostNotReadyException TooLarge(LedgerRequest request, LedgerBudget budget)
    {
        long wanted = new LedgerUse(budget).MemoryFor(request);
        string[] lacks =
        [
            .. wanted > budget.MemoryMiB
                ? [$"{wanted} MiB of memory, and all machines together may take {budget.MemoryMiB}"]
                : (string[])[],
            .. request.Cpus > budget.Cpus ? [$"{request.Cpus} vCPUs, and all machines together may take {budget.Cpus}"] : (string[])[],
        ];
        return new HostNotReadyException(
            new FailureText($"{request.Noun} '{request.Machine}' wants {string.Join("; ", lacks)}.").Try(
                $"a smaller MemoryMiB or Cpus in the MachineSpec, or raise {Variables(budget)}."
            )
        );
    }

    private static string Lack(LedgerRequest request, LedgerVerdict verdict)
    {
        var lacks = new List<string>();
        bool lacksCpus = request.Cpus > verdict.FreeCpus;
        // One that would fit waits for its turn only; then the memory is shown as well.
        if (verdict.WantedMiB > verdict.FreeMiB || !lacksCpus)
            lacks.Add($"memory: {verdict.WantedMiB} MiB wanted, {verdict.FreeMiB} of {verdict.Budget.MemoryMiB} MiB free");
        if (lacksCpus)
            lacks.Add($"vCPUs: {request.Cpus} wanted, {verdict.FreeCpus} of {verdict.Budget.Cpus} free");
        return string.Join("; ", lacks);
    }

    private static string Names(IReadOnlyList<LedgerEntry> entries) =>
        string.Join(", ", entries.Take(MostNamed)) + (entries.Count > MostNamed ? $" and {entries.Count - MostNamed} more" : "");

    private static string Shared(IReadOnlyList<LedgerEntry> holders)
    {
        long shared = holders
            .Where(holder => holder.Request.SharedKey is not null)
            .GroupBy(holder => holder.Request.SharedKey)
            .Sum(group => (long)group.Max(holder => holder.Request.SharedMiB));
        return shared > 0 ? $", and {shared} MiB of templates" : "";
    }

    private static string Variables(LedgerBudget budget) =>
        $"TESTHARNESS_MEMORY_MIB (now {budget.MemoryMiB}) and TESTHARNESS_CPUS (now {budget.Cpus}) where the host can bear it";
}
