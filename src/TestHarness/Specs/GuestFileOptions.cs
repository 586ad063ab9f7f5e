namespace TestHarness;

/// <summary>How a single file is written in the guest.</summary>
public sealed record GuestFileOptions
{
    internal static readonly GuestFileOptions Default = new();

    /// <summary>Gets the permissions. Default: <see langword="null"/>, those of the file that is there, else 0644.</summary>
    public UnixFileMode? Mode { get; init; }

    /// <summary>
    /// Gets whom the file belongs to, as chown has it (<c>www-data:www-data</c>). Default: <see langword="null"/>, the owner of the file
    /// that is there, else root.
    /// </summary>
    public string? Owner { get; init; }

    /// <summary>Gets the limit. Default: <see langword="null"/>, 10 minutes, longer on a slow host.</summary>
    public TimeSpan? Timeout { get; init; }
}
