namespace TestHarness.Specs;

/// <summary>
/// Where a path leads that a test has for a file of its own. A relative one begins at the current directory, which under <c>dotnet test</c>
/// is the test program's folder. What is not there may lie beside the project's file, which is found from the source file of the test that
/// runs, as goldens are, or from the program.
/// </summary>
internal static class OwnPath
{
    /// <summary>Returns the first place that a path may mean where it is there, or else the first place.</summary>
    /// <param name="path">The path.</param>
    /// <param name="isThere">Tells whether a place is the right one.</param>
    public static string Find(string path, Func<string, bool> isThere) =>
        Places(path) is var places && places.FirstOrDefault(isThere) is { } found ? found : places[0];

    /// <summary>Says how a path is read that led to nothing, or <see langword="null"/> where it is absolute.</summary>
    public static string? RemedyFor(string? path) =>
        path is null || Path.IsPathRooted(path)
            ? null
            : "a relative path begins at the current directory, which under dotnet test is the test program's folder. "
                + (
                    Places(path) is [_, var second]
                        ? $"What is not there is looked for beside the project's file; '{second}' is not there either."
                        : "No project's file was found to look beside."
                );

    private static string[] Places(string path)
    {
        string first = Path.GetFullPath(path);
        return Path.IsPathRooted(path) || ProjectFolder() is not { } project
            ? [first]
            : [.. new[] { first, Path.GetFullPath(path, project) }.Distinct(StringComparer.Ordinal)];
    }

    private static string? ProjectFolder() =>
        ProjectAbove(Path.GetDirectoryName(RunningTest.Current?.Invoke()?.SourceFile)) ?? ProjectAbove(AppContext.BaseDirectory);

    private static string? ProjectAbove(string? folder)
    {
        for (var above = folder is null ? null : new DirectoryInfo(folder); above is { Exists: true }; above = above.Parent)
        {
            if (HasProject(above))
                return above.FullName;
        }

        return null;
    }

    private static bool HasProject(DirectoryInfo folder)
    {
        try
        {
            return folder.EnumerateFiles("*.*proj").Any();
        }
        catch (UnauthorizedAccessException)
        {
            // Of somebody else, far above: there is none of ours.
            return false;
        }
    }
}
