namespace TestHarness.Benchmarks;

/// <summary>
/// One thing that is measured, sample by sample. It uses what is public alone, so that the same program measures another build of the
/// library.
/// </summary>
/// <param name="image">The machines' image.</param>
internal abstract class Row(string image) : IAsyncDisposable
{
    /// <summary>Gets the rows that two builds are compared by, by name, and how often each is sampled in a round.</summary>
    public static IReadOnlyDictionary<string, (Func<string, Row> Make, int Turns)> All { get; } =
        new Dictionary<string, (Func<string, Row> Make, int Turns)>
        {
            ["fresh start"] = (image => new FreshStartRow(image), 4),
            ["spare"] = (image => new SpareRow(image), 8),
            ["true"] = (image => new CommandRow(image), 200),
            ["push"] = (image => new PushRow(image), 10),
            ["checkpoint"] = (image => new CheckpointRow(image), 6),
            ["rollback"] = (image => new RollbackRow(image), 8),
        };

    /// <summary>
    /// Gets the machine that is measured. It has little memory: QEMU saves and loads that, and what is compared is the library. Its kernel
    /// and its agent lie at the same place in every template, for how fast QEMU translates depends on that
    /// (https://docs.kernel.org/admin-guide/kernel-parameters.html).
    /// </summary>
    protected MachineSpec Spec { get; } =
        new()
        {
            Image = image,
            MemoryMiB = 160,
            KernelArguments = "nokaslr norandmaps",
        };

    /// <summary>Does it once.</summary>
    /// <returns>How long it took.</returns>
    public abstract Task<TimeSpan> SampleAsync();

    public abstract ValueTask DisposeAsync();
}
