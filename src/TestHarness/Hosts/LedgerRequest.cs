namespace TestHarness.Hosts;

/// <summary>What a machine takes of the host.</summary>
internal sealed record LedgerRequest(string Machine, int MemoryMiB, int Cpus)
{
    /// <summary>What takes it, in a message.</summary>
    public string Noun { get; init; } = "Machine";

    /// <summary>Names memory that several machines have in common, such as a template's RAM.</summary>
    public string? SharedKey { get; init; }

    /// <summary>The size of that memory: it counts once for all machines with the same <see cref="SharedKey"/>.</summary>
    public int SharedMiB { get; init; }
}
