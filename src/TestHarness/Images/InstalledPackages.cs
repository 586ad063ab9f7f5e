namespace TestHarness.Images;

/// <summary>Which packages an image was made of, as <c>name version architecture</c>, sorted.</summary>
internal static class InstalledPackages
{
    /// <summary>Reads dpkg's status file.</summary>
    public static IReadOnlyList<string> FromStatus(string status) =>
        Sorted(status.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(FromParagraph).OfType<string>());

    /// <summary>
    /// Reads the names of archives such as <c>rsync_3.2.7-1+deb12u2_amd64.deb</c>; apt writes a colon of a version as <c>%3a</c>.
    /// </summary>
    public static IReadOnlyList<string> FromArchives(IEnumerable<string> names) =>
        Sorted(
            names
                .Where(name => name.EndsWith(".deb", StringComparison.Ordinal))
                .Select(name => name[..^".deb".Length].Split('_'))
                .Where(parts => parts.Length == 3)
                .Select(parts => $"{parts[0]} {parts[1].Replace("%3a", ":", StringComparison.Ordinal)} {parts[2]}")
        );

    private static string? FromParagraph(string paragraph)
    {
        string[] lines = paragraph.Split('\n');
        string? Field(string name) =>
            lines.FirstOrDefault(line => line.StartsWith($"{name}: ", StringComparison.Ordinal))?[(name.Length + 2)..];
        return Field("Status") == "install ok installed" ? $"{Field("Package")} {Field("Version")} {Field("Architecture")}" : null;
    }

    private static IReadOnlyList<string> Sorted(IEnumerable<string> packages) => [.. packages.Order(StringComparer.Ordinal)];
}
