namespace TestHarness;

/// <summary>How files are synchronised.</summary>
public sealed record SyncOptions
{
    internal static readonly SyncOptions Default = new();

    /// <summary>Gets patterns of files to leave out, as rsync's <c>--exclude</c> has them. Default: none.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>
    /// Gets a value indicating whether files that the source does not have are deleted at the target. Default: <see langword="false"/>.
    /// </summary>
    public bool Delete { get; init; }

    /// <summary>
    /// Gets the owner of pushed files in the guest, in the syntax of chown (<c>www-data</c>, <c>www-data:www-data</c>, <c>:adm</c>); names
    /// are the guest's. Not for a pull, whose files belong to the caller. Default: <see langword="null"/>, root.
    /// </summary>
    public string? Owner { get; init; }

    /// <summary>
    /// Gets changes to the permissions at the target, as rsync's <c>--chmod</c> has them (<c>D755,F644</c>, <c>go-w</c>). Default:
    /// <see langword="null"/>, those of the source; a pull always takes set-user-id and set-group-id away.
    /// </summary>
    public string? Permissions { get; init; }

    /// <summary>Gets what becomes of symbolic links. Default: <see cref="SymbolicLinks.Keep"/>.</summary>
    public SymbolicLinks Links { get; init; }

    /// <summary>
    /// Gets a value indicating whether runs of zeros become holes at the target; slower for files that have none. Default:
    /// <see langword="false"/>.
    /// </summary>
    public bool Sparse { get; init; }

    /// <summary>
    /// Gets a value indicating whether nothing is changed, and the result says what would be. Default: <see langword="false"/>.
    /// </summary>
    public bool DryRun { get; init; }

    /// <summary>Gets a receiver of how far the transfer is. Default: none.</summary>
    public IProgress<SyncProgress>? Progress { get; init; }

    /// <summary>Gets the limit. Default: <see langword="null"/>, 10 minutes, longer on a slow host.</summary>
    public TimeSpan? Timeout { get; init; }
}
