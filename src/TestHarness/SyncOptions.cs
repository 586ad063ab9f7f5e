namespace TestHarness;

/// <summary>How files are synchronised.</summary>
public sealed record SyncOptions
{
    internal static readonly SyncOptions Default = new();

    /// <summary>Gets patterns of files to leave out, as rsync's <c>--exclude</c> has them. Default: none.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Gets a value indicating whether files that the source does not have are deleted at the target. Default: <see langword="false"/>.</summary>
    public bool Delete { get; init; }

    /// <summary>Gets the limit. Default: <see langword="null"/>, 10 minutes, longer on a slow host.</summary>
    public TimeSpan? Timeout { get; init; }
}
