using System.Reflection;

namespace TestHarness.Goldens;

/// <summary>Finds goldens that no test needs.</summary>
internal static class UnusedGoldens
{
    private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    public static IReadOnlyList<string> Find(IEnumerable<GoldenTest> ran)
    {
        List<string> unused = [];
        foreach (IGrouping<(string? Folder, Type Class), GoldenTest> tests in ran.GroupBy(test => (Path.GetDirectoryName(test.SourceFile), test.TestClass)))
        {
            if (!Directory.Exists(tests.Key.Folder))
                continue;
            string className = tests.Key.Class.Name.Split('`')[0];
            HashSet<string> methods = [.. tests.Key.Class.GetMethods(Any).Select(method => method.Name)];
            HashSet<string> passed = [.. tests.Select(test => test.Method)];
            unused.AddRange(Directory.EnumerateFiles(tests.Key.Folder, $"{className}.*.verified.*")
                .Where(file => Path.GetExtension(file) is ".png" or ".txt" && IsUnused(file, className.Length + 1, methods, passed)));
        }

        return [.. unused.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    // Class.Method.verified.txt, without a name, is another tool's.
    private static bool IsUnused(string file, int methodAt, HashSet<string> methods, HashSet<string> passed)
    {
        string[] parts = Path.GetFileName(file)[methodAt..].Split('.');
        return parts.Length >= 4 && !GoldenFiles.IsUsed(file) && (passed.Contains(parts[0]) || !methods.Contains(parts[0]));
    }
}
