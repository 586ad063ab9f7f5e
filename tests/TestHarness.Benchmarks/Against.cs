using System.Globalization;

namespace TestHarness.Benchmarks;

/// <summary>
/// This build of the library and another one, row by row and turn by turn, since a host's speed drifts by more than what is compared.
/// </summary>
internal static class Against
{
    // Processes, templates and machines are made anew for each: how fast one is depends on where it came to lie, for as long as it lives.
    // So a round is one sample of the interval's.
    private const int FewestRounds = 30;

    // A file system in memory: what a disk makes wait is more than what is compared.
    private const string Memory = "/dev/shm";

    // Two images, two templates and what two machines with checkpoints write.
    private const long Needed = 3L << 30;

    public static async Task RunAsync(string folder, IReadOnlyList<string> images, int count, string? only)
    {
        string library = Library(folder);
        int rounds = Math.Max(count, FewestRounds);
        string[] rows =
            only is null ? [.. Row.All.Keys]
            : Row.All.ContainsKey(only) ? [only]
            : throw new ArgumentException($"There is no row '{only}'. Rows: {string.Join(", ", Row.All.Keys)}.");
        if (new DriveInfo(Memory).AvailableFreeSpace is var free && free < Needed)
            throw new ArgumentException(
                $"{Memory} has {free >> 20} MiB free, and {Needed >> 20} are needed. In a container, start that with --shm-size=4g."
            );
        string place = Directory.CreateDirectory($"{Memory}/th-{Path.GetRandomFileName()}").FullName;
        try
        {
            string other = Compose(library, Path.Combine(place, "program"));
            foreach (string image in images)
            {
                Dictionary<string, List<Round>> samples = rows.ToDictionary(row => row, _ => new List<Round>());
                for (int round = 0; round < rounds; round++)
                {
                    await using var mine = new BuildProcess(AppContext.BaseDirectory, image, Places(place, "mine"));
                    await using var theirs = new BuildProcess(other, image, Places(place, "theirs"));
                    foreach (string row in rows)
                        samples[row].Add(await RoundAsync(mine, theirs, row));
                }

                foreach (string row in rows)
                    Print($"{image}: {row}", samples[row]);
            }
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    // In turns of a moment each: a host goes faster and slower by half within seconds.
    private static async Task<Round> RoundAsync(BuildProcess mine, BuildProcess theirs, string row)
    {
        // What is done first in a process or a machine costs more.
        await mine.SampleAsync(row);
        await theirs.SampleAsync(row);
        List<(double Mine, double Other)> turns = [];
        for (int i = 0; i < Row.All[row].Turns; i++)
        {
            // Each goes first every other time.
            double first = i % 2 == 0 ? await mine.SampleAsync(row) : 0;
            double other = await theirs.SampleAsync(row);
            turns.Add((i % 2 == 0 ? first : await mine.SampleAsync(row), other));
        }

        await mine.CloseRowsAsync();
        await theirs.CloseRowsAsync();
        return new Round(
            Metric.MedianOf(turns.Select(turn => turn.Mine)),
            Metric.MedianOf(turns.Select(turn => turn.Other)),
            Metric.MedianOf(turns.Select(turn => turn.Mine / turn.Other))
        );
    }

    private static void Print(string name, List<Round> rounds)
    {
        RatioInterval interval = RatioInterval.Of([.. rounds.Select(round => round.Ratio)]);
        double own = Metric.MedianOf(rounds.Select(round => round.Mine)),
            other = Metric.MedianOf(rounds.Select(round => round.Other));
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{interval.Ratio:0.000} [{interval.Low:0.000}, {interval.High:0.000}]  {name}  ({rounds.Count} rounds, medians "
                    + $"{own:0.0} and {other:0.0} ms)"
            )
        );
    }

    private static string Library(string folder)
    {
        string[] places = [folder, Path.Combine(folder, "src/TestHarness/bin/Release/net10.0")];
        return places.FirstOrDefault(place => File.Exists(Path.Combine(place, "TestHarness.dll")))
            ?? throw new ArgumentException(
                $"There is no TestHarness.dll in {string.Join(" or ", places)}. Build the other one first: dotnet build -c "
                    + $"Release {folder}/src/TestHarness"
            );
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

    // A cache for each, without a template: an image that one build makes anew replaces the other's.
    private static Dictionary<string, string> Places(string place, string whose)
    {
        string cache = Directory.CreateDirectory(Path.Combine(place, whose)).FullName,
            templates = Path.Combine(cache, "templates");
        if (Directory.Exists(templates))
            Directory.Delete(templates, recursive: true);
        return new Dictionary<string, string> { ["TESTHARNESS_CACHE"] = cache, ["TESTHARNESS_RUN"] = Path.Combine(place, $"{whose}-run") };
    }

    private readonly record struct Round(double Mine, double Other, double Ratio);
}
