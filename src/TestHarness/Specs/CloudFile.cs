namespace TestHarness;

/// <summary>Describes a file that cloud-init writes.</summary>
/// <param name="Path">The absolute path in the guest; folders above it are made.</param>
/// <param name="Content">The file's text.</param>
public sealed record CloudFile(string Path, string Content)
{
    /// <summary>Gets the permissions, in octal. Default: <c>0644</c>.</summary>
    public string Permissions { get; init; } = "0644";

    /// <summary>Gets user and group. Default: <c>root:root</c>.</summary>
    public string Owner { get; init; } = "root:root";
}
