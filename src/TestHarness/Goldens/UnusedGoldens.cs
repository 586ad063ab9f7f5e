using System.Reflection;

namespace TestHarness.Goldens;

/// <summary>Finds goldens that no test needs.</summary>
internal static class UnusedGoldens
{
    private const BindingFlags Any =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    public static IReadOnlyList<string> Find(IEnumerable<GoldenTest> ran)
    {
        List<string> unused = [];
        foreach (
            IGrouping<(string? Folder, Type Class), GoldenTest> tests in ran.GroupBy(test =>
                (Path.GetDirectoryName(test.SourceFile), test.TestClass)
            )
        )
        {
            if (!Directory.Exists(tests.Key.Folder))
                continue;
            string className = GoldenClassName.Of(tests.Key.Class);
            // What follows a class's name is a method, or a class inside of it, whose goldens are judged with its own tests.
            HashSet<string> known =
            [
                .. tests.Key.Class.GetMethods(Any).Select(method => method.Name),
                .. tests.Key.Class.GetNestedTypes(Any).Select(GoldenClassName.Own),
            ];
            HashSet<string> passed = [.. tests.Select(test => test.Method)];
            unused.AddRange(
                Directory
                    .EnumerateFiles(tests.Key.Folder, $"{className}.*.verified.*")
                    .Where(file => Path.GetExtension(file) is ".png" or ".txt" && IsUnused(file, className.Length + 1, known, passed))
            );
        }

        return [.. unused.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    // Class.Method.verified.txt, without a name, is another tool's.
    private static bool IsUnused(string file, int methodAt, HashSet<string> known, HashSet<string> passed)
    {
        string[] parts = Path.GetFileName(file)[methodAt..].Split('.');
        return parts.Length >= 4 && !GoldenFiles.IsUsed(file) && (passed.Contains(parts[0]) || !known.Contains(parts[0]));
    }
}
