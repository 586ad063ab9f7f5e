namespace TestHarness.Benchmarks;

/// <summary>
/// One thing that is measured, sample by sample. It uses what is public alone, so that the same program measures another build of the library.
/// </summary>
/// <param name="image">The machines' image.</param>
internal abstract class Row(string image) : IAsyncDisposable
{
    /// <summary>Gets the rows that two builds are compared by, by name.</summary>
    public static IReadOnlyDictionary<string, Func<string, Row>> All { get; } = new Dictionary<string, Func<string, Row>>
    {
        ["fresh start"] = image => new FreshStartRow(image),
        ["spare"] = image => new SpareRow(image),
        ["true"] = image => new CommandRow(image),
        ["push"] = image => new PushRow(image),
        ["checkpoint"] = image => new CheckpointRow(image),
        ["rollback"] = image => new RollbackRow(image),
    };

    /// <summary>Gets the machine that is measured. It has little memory: QEMU saves and loads that, and what is compared is the library.</summary>
    protected MachineSpec Spec { get; } = new() { Image = image, MemoryMiB = 160 };

    /// <summary>Does it once.</summary>
    /// <returns>How long it took.</returns>
    public abstract Task<TimeSpan> SampleAsync();

    public abstract ValueTask DisposeAsync();
}
