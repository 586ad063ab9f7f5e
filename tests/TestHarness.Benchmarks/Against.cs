using System.Globalization;

namespace TestHarness.Benchmarks;

/// <summary>This build of the library and another one, row by row and turn by turn, since a host's speed drifts by more than what is compared.</summary>
internal static class Against
{
    // Until the code of both is compiled as it stays, and the emulator and the host's cache of files are warm.
    private const int WarmUp = 10;

    private const int FewestPairs = 30;

    public static async Task RunAsync(string folder, IReadOnlyList<string> images, int count, string? only)
    {
        string library = Library(folder);
        int pairs = Math.Max(count, FewestPairs);
        string[] rows = only is null ? [.. Row.All.Keys] : Row.All.ContainsKey(only) ? [only] : throw new ArgumentException(
            $"There is no row '{only}'. Rows: {string.Join(", ", Row.All.Keys)}.");
        string place = Directory.CreateTempSubdirectory("th-").FullName;
        try
        {
            Dictionary<string, string> variables = Places(place);
            string other = Compose(library, Path.Combine(place, "program"));
            foreach (string image in images)
            {
                await using var mine = new BuildProcess(AppContext.BaseDirectory, image, new Dictionary<string, string>());
                await using var theirs = new BuildProcess(other, image, variables);
                foreach (string row in rows)
                    Print($"{image}: {row}", await PairsAsync(mine, theirs, row, pairs));
            }
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    private static async Task<List<(double Mine, double Other)>> PairsAsync(BuildProcess mine, BuildProcess theirs, string row, int count)
    {
        List<(double Mine, double Other)> pairs = [];
        for (int i = -WarmUp; i < count; i++)
        {
            // Each goes first every other time.
            double first = i % 2 == 0 ? await mine.SampleAsync(row) : 0;
            double other = await theirs.SampleAsync(row);
            double own = i % 2 == 0 ? first : await mine.SampleAsync(row);
            if (i >= 0)
                pairs.Add((own, other));
        }

        await mine.CloseRowsAsync();
        await theirs.CloseRowsAsync();
        return pairs;
    }

    private static void Print(string name, List<(double Mine, double Other)> pairs)
    {
        RatioInterval interval = RatioInterval.Of(pairs);
        double own = Median(pairs.Select(pair => pair.Mine)), other = Median(pairs.Select(pair => pair.Other));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{interval.Ratio:0.000} [{interval.Low:0.000}, {interval.High:0.000}]  {name}  ({pairs.Count} pairs, medians {own:0.0} and {other:0.0} ms)"));
    }

    private static double Median(IEnumerable<double> samples) => new Metric("", "", [.. samples]).Median;

    private static string Library(string folder)
    {
        string[] places = [folder, Path.Combine(folder, "src/TestHarness/bin/Release/net10.0")];
        return places.FirstOrDefault(place => File.Exists(Path.Combine(place, "TestHarness.dll"))) ?? throw new ArgumentException(
            $"There is no TestHarness.dll in {string.Join(" or ", places)}. Build the other one first: dotnet build -c Release {folder}/src/TestHarness");
    }

    // This program with the other library and what that brings. Without its list of dependencies all that lies beside it is found.
    private static string Compose(string library, string program)
    {
        Directory.CreateDirectory(program);
        foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory).Concat(Directory.EnumerateFiles(library)))
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)), overwrite: true);
        File.Delete(Path.Combine(program, "TestHarness.Benchmarks.deps.json"));
        return program;
    }

    // A cache of its own: an image that one build makes anew replaces the other's.
    private static Dictionary<string, string> Places(string place)
    {
        var variables = new Dictionary<string, string> { ["TESTHARNESS_CACHE"] = Path.Combine(place, "cache"), ["TESTHARNESS_RUN"] = Path.Combine(place, "run") };
        Directory.CreateDirectory(variables["TESTHARNESS_CACHE"]);
        // Where QEMU is another user, it reads the images there.
        File.SetUnixFileMode(place, File.GetUnixFileMode(place) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        return variables;
    }
}
