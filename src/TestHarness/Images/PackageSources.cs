namespace TestHarness.Images;

/// <summary>Which package sources an image is built from. Pure: the host's answers come in as text.</summary>
internal static class PackageSources
{
    /// <summary>The format to ask <c>apt-get indextargets</c> for.</summary>
    public const string TargetFormat = "$(CREATED_BY)|$(ORIGIN)|$(CODENAME)|$(RELEASE)|$(COMPONENT)|$(SITE)";

    private static readonly string[] Pockets = ["", "-updates", "-security"];

    /// <summary>
    /// Selects from the host's own sources those of the distribution's suite with its updates (third parties' are left out); where it
    /// has none, the mirror; lines as in sources.list(5). None: nothing is known to build from.
    /// </summary>
    public static IReadOnlyList<string> Select(string indexTargets, string? mirror, string distribution, string suite)
    {
        string[] codenames = [.. Pockets.Select(pocket => suite + pocket)];
        string[][] own =
        [
            .. indexTargets
                .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(line => line.Split('|'))
                .Where(target =>
                    target.Length == 6
                    && target[0] == "Packages"
                    && target[1].Equals(distribution, StringComparison.OrdinalIgnoreCase)
                    && codenames.Contains(target[2], StringComparer.Ordinal)
                ),
        ];
        // The updates alone are no distribution.
        if (own.Any(target => target[2] == suite))
        {
            return
            [
                .. own.GroupBy(target => (Site: target[5].TrimEnd('/'), Release: target[3]))
                    .Select(group =>
                        $"deb {group.Key.Site} {group.Key.Release} "
                        + $"{string.Join(' ', group.Select(target => target[4]).Distinct(StringComparer.Ordinal))}"
                    ),
            ];
        }

        return mirror is null ? [] : [$"deb {mirror.TrimEnd('/')} {suite} main"];
    }

    /// <summary>Selects from <c>apt-config dump</c> how packages are fetched: proxies and certificates.</summary>
    public static IReadOnlyList<string> SelectTransport(string aptConfig) =>
        [
            .. aptConfig
                .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Where(line =>
                    line.StartsWith("Acquire::http", StringComparison.OrdinalIgnoreCase)
                    && (
                        line.Contains("::Proxy", StringComparison.OrdinalIgnoreCase)
                        || line.Contains("::Ca", StringComparison.OrdinalIgnoreCase)
                    )
                    && !line.EndsWith("\"\";", StringComparison.Ordinal)
                ),
        ];
}
