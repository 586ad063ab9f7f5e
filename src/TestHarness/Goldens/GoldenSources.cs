using System.Text.RegularExpressions;

namespace TestHarness.Goldens;

/// <summary>A golden that the sources beside it do not speak of, and what is missing there.</summary>
internal sealed record UnknownGolden(string File, string Reason);

/// <summary>Looks for goldens in the sources of the tests, without running them.</summary>
internal static class GoldenSources
{
    /// <summary>
    /// Finds goldens whose class, method or name no source in their folder has. A name that is put together at run time is not found; a whole run's own list
    /// (<see cref="UnusedGoldens"/>) knows better.
    /// </summary>
    public static IReadOnlyList<UnknownGolden> FindUnknown(string folder)
    {
        List<UnknownGolden> unknown = [];
        foreach (IGrouping<string, string> goldens in ReceivedFiles.All(folder, "*.verified.*").GroupBy(file => Path.GetDirectoryName(file)!))
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

    // Class.Method.verified.txt, without a name, is another tool's.
    private static string? WhatIsMissing(string[] parts, string sources) => parts switch
    {
        { Length: < 5 } => null,
        [var type, ..] when !Regex.IsMatch(sources, $@"\b(class|record|struct)\s+{Regex.Escape(type)}\b") => $"no class {type}",
        [_, var method, ..] when !Regex.IsMatch(sources, $@"\b{Regex.Escape(method)}\s*(<[^>]*>)?\(") => $"no method {method}",
        [_, _, var name, ..] when !sources.Contains($"\"{name}\"", StringComparison.Ordinal) => $"no \"{name}\"",
        _ => null,
    };
}
