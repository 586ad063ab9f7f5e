namespace TestHarness;

/// <summary>What a file sync changed, or with <see cref="SyncOptions.DryRun"/> would change.</summary>
public sealed record SyncResult
{
    /// <summary>Gets the changed paths, in rsync's order; empty where the target was up to date.</summary>
    public required IReadOnlyList<SyncChange> Changes { get; init; }

    /// <summary>Gets the size of the files whose content was copied.</summary>
    public required long Bytes { get; init; }

    /// <summary>Gets why the files went another way than by rsync, or <see langword="null"/>: the guest lacks it.</summary>
    public string? Note { get; init; }
}
