using System.Text.RegularExpressions;

namespace TestHarness.Goldens;

/// <summary>A golden that the sources beside it do not speak of, and what is missing there.</summary>
internal sealed record UnknownGolden(string File, string Reason);

/// <summary>Looks for goldens in the sources of the tests, without running them.</summary>
internal static class GoldenSources
{
    // Class, method, name, the word verified and the ending.
    private const int LeastParts = 5;

    /// <summary>
    /// Finds goldens whose class, method or name no source in their folder has. A name that is put together at run time is not found; a
    /// whole run's own list (<see cref="UnusedGoldens"/>) knows better.
    /// </summary>
    public static IReadOnlyList<UnknownGolden> FindUnknown(string folder)
    {
        List<UnknownGolden> unknown = [];
        foreach (
            IGrouping<string, string> goldens in ReceivedFiles.All(folder, "*.verified.*").GroupBy(file => Path.GetDirectoryName(file)!)
        )
        {
            string sources = string.Join('\n', Directory.EnumerateFiles(goldens.Key, "*.cs").Select(File.ReadAllText));
            foreach (string golden in goldens.Where(file => Path.GetExtension(file) is ".png" or ".txt"))
            {
                if (WhatIsMissing(Path.GetFileName(golden).Split('.'), sources) is { } reason)
                    unknown.Add(new UnknownGolden(golden, reason));
            }
        }

        return unknown;
    }

    private static string? WhatIsMissing(string[] parts, string sources)
    {
        string? reason = WhatIsMissingOf(parts, sources);
        // Outer.Inner.Method.name; a method may be called as a class is, too.
        return reason is null || parts.Length <= LeastParts || !HasType(sources, parts[0]) || !HasType(sources, parts[1])
            ? reason
            : WhatIsMissing(parts[1..], sources);
    }

    // Class.Method.verified.txt, without a name, is another tool's.
    private static string? WhatIsMissingOf(string[] parts, string sources) =>
        parts switch
        {
            { Length: < LeastParts } => null,
            [var type, ..] when !HasType(sources, type) => $"no class {type}",
            [_, var method, ..] when !Regex.IsMatch(sources, $@"\b{Regex.Escape(method)}\s*(<[^>]*>)?\(") => $"no method {method}",
            [_, _, var name, ..] when !sources.Contains($"\"{name}\"", StringComparison.Ordinal) => $"no \"{name}\"",
            _ => null,
        };

    private static bool HasType(string sources, string name) =>
        Regex.IsMatch(sources, $@"\b(class|record|struct)\s+{Regex.Escape(name)}\b");
}
