namespace TestHarness;

/// <summary>What a file sync changed, or with <see cref="SyncOptions.DryRun"/> would change.</summary>
public sealed record SyncResult
{
    /// <summary>Gets the changed paths, in rsync's order; empty where the target was up to date.</summary>
    public required IReadOnlyList<SyncChange> Changes { get; init; }

    /// <summary>Gets the size of the files whose content was copied.</summary>
    public required long Bytes { get; init; }

    /// <summary>
    /// Gets what else is to know, or <see langword="null"/>: that the files went by tar, because the guest lacks rsync; which files went
    /// away or changed while they were copied, where all that lasted is there; how many changes are not listed, after the first 250,000.
    /// </summary>
    public string? Note { get; init; }
}
