using System.Collections.Concurrent;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>
/// Names goldens after the test that runs, keeps the files of failed comparisons for its evidence, and tells at the end which goldens no
/// test used.
/// </summary>
internal static class GoldenRecorder
{
    private const string Folder = "goldens";

    private static readonly ConcurrentDictionary<string, ConcurrentDictionary<string, ReadOnlyMemory<byte>>> Failures = new(
        StringComparer.Ordinal
    );
    private static readonly ConcurrentDictionary<string, GoldenTest> Passed = new(StringComparer.Ordinal);

    public static void Start()
    {
        Golden.CurrentTest = () => Describe(TestContext.Current);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => ListUnused();
    }

    /// <summary>Looks at the result of the current test; attaches what a failed one's comparisons left.</summary>
    public static void End(ITestContext context, bool failed)
    {
        if (!failed)
        {
            if (Describe(context) is { } test)
                Passed[test.Id] = test;
            return;
        }

        foreach ((string name, ReadOnlyMemory<byte> content) in FilesOf(context))
        {
            // The runner adds the ending that belongs to the media type; texts go as bytes, since they may be no valid XML.
            bool picture = name.EndsWith(".png", StringComparison.Ordinal);
            string title = picture ? name[..^".png".Length] : name[..^".txt".Length];
            context.AddAttachment($"golden-{title}", content.ToArray(), replaceExistingValue: true, picture ? "image/png" : "text/plain");
        }
    }

    /// <summary>Writes the files into a bundle of evidence.</summary>
    public static void Save(ITestContext context, string folder)
    {
        foreach ((string name, ReadOnlyMemory<byte> content) in FilesOf(context))
        {
            Directory.CreateDirectory(Path.Combine(folder, Folder));
            File.WriteAllBytes(Path.Combine(folder, Folder, name), content.Span);
        }
    }

    private static ConcurrentDictionary<string, ReadOnlyMemory<byte>> FilesOf(ITestContext context) =>
        context.Test is { UniqueID: var id } && Failures.TryGetValue(id, out ConcurrentDictionary<string, ReadOnlyMemory<byte>>? files)
            ? files
            : new();

    private static GoldenTest? Describe(ITestContext context)
    {
        if (context is not { Test: { } test, TestMethod: IXunitTestMethod method })
            return null;
        string? source = context.TestCase?.SourceFilePath;
        return new GoldenTest(
            test.UniqueID,
            test.TestDisplayName,
            method.Method.ReflectedType!,
            method.Method.Name,
            File.Exists(source) ? source : null
        )
        {
            Attach = (name, content) => Failures.GetOrAdd(test.UniqueID, _ => new(StringComparer.Ordinal))[name] = content,
        };
    }

    private static void ListUnused()
    {
        IReadOnlyList<string> unused = Golden.FindUnused(Passed.Values);
        if (unused.Count > 0)
            RunnerTerminal.WriteLine($"Goldens that no test used:\n{string.Join('\n', unused.Select(file => $"  {file}"))}");
    }
}
