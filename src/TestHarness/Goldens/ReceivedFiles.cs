namespace TestHarness.Goldens;

/// <summary>What was received in place of goldens, on disk.</summary>
internal static class ReceivedFiles
{
    private const string Received = ".received.";
    private const string Verified = ".verified.";
    private const string Difference = "difference.png";

    private static readonly string[] Built = ["bin", "obj", ".git"];

    /// <summary>Lists what was received below a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="checkout">
    /// Where the goldens are, if not beside what was received: a golden of the same name there, or else the folder of the test class's
    /// source, is its place.
    /// </param>
    public static IReadOnlyList<ReceivedGolden> List(string folder, string? checkout = null)
    {
        ILookup<string, string>? places = checkout is null
            ? null
            : All(checkout, "*")
                .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) || file.Contains(Verified, StringComparison.Ordinal))
                .ToLookup(file => Path.GetFileName(file), StringComparer.Ordinal);
        return
        [
            .. All(folder, $"*{Received}*")
                .Where(file => !file.EndsWith($"{Received}{Difference}", StringComparison.Ordinal))
                .Select(file => new ReceivedGolden(
                    file,
                    places is null ? GoldenBeside(file) : GoldenIn(places, Path.GetFileName(GoldenBeside(file)))
                )),
        ];
    }

    /// <summary>Makes what was received the goldens. In a checkout of its own it is copied there, and stays.</summary>
    /// <returns>What was accepted.</returns>
    public static IReadOnlyList<ReceivedGolden> Accept(string folder, string? checkout = null)
    {
        List<ReceivedGolden> accepted = [];
        foreach (ReceivedGolden received in List(folder, checkout))
        {
            if (received.Golden is null)
                continue;
            // As it was before, for who is told.
            accepted.Add(received);
            if (checkout is not null)
            {
                File.Copy(received.File, received.Golden, overwrite: true);
                continue;
            }

            File.Move(received.File, received.Golden, overwrite: true);
            File.Delete(DifferenceBeside(received.File));
        }

        return accepted;
    }

    /// <summary>Where the picture of a difference is.</summary>
    public static string DifferenceBeside(string received) =>
        Path.Combine(Path.GetDirectoryName(received)!, $"{Name(received, out _)}{Received}{Difference}");

    /// <summary>Finds files below a folder, in order, but for what builds copy.</summary>
    public static IReadOnlyList<string> All(string folder, string pattern)
    {
        string root = Path.GetFullPath(folder);
        return
        [
            .. Directory
                .EnumerateFiles(root, pattern, SearchOption.AllDirectories)
                .Where(file => !Path.GetRelativePath(root, file).Split('/').Any(Built.Contains))
                .Order(StringComparer.Ordinal),
        ];
    }

    private static string GoldenBeside(string received)
    {
        string name = Name(received, out string ending);
        return Path.Combine(Path.GetDirectoryName(received)!, $"{name}{Verified}{ending}");
    }

    private static string Name(string received, out string ending)
    {
        string name = Path.GetFileName(received);
        int at = name.LastIndexOf(Received, StringComparison.Ordinal);
        ending = name[(at + Received.Length)..];
        return name[..at];
    }

    private static string? GoldenIn(ILookup<string, string> places, string golden)
    {
        string[] known = [.. places[golden]];
        if (known.Length > 0)
            return known.Length == 1 ? known[0] : null;
        string[] sources = [.. places[$"{golden.Split('.')[0]}.cs"]];
        return sources.Length == 1 ? Path.Combine(Path.GetDirectoryName(sources[0])!, golden) : null;
    }
}
