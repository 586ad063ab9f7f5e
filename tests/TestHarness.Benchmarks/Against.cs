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
            var mine = new Build(Path.Combine(place, "this"), AppContext.BaseDirectory);
            var theirs = new Build(Path.Combine(place, "that"), library);
            foreach (string image in images)
            {
                Dictionary<string, List<Round>> samples = rows.ToDictionary(row => row, _ => new List<Round>());
                for (int round = 0; round < rounds; round++)
                {
                    await Console.Error.WriteLineAsync($"{image}: round {round + 1} of {rounds}");
                    // Who comes first makes its templates first, and has the memory that was free first.
                    bool swapped = round % 2 == 1;
                    await using BuildProcess first = (swapped ? theirs : mine).Start(image);
                    await using BuildProcess second = (swapped ? mine : theirs).Start(image);
                    foreach (string row in rows)
                        samples[row].Add(await RoundAsync(first, second, row, swapped));
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
    private static async Task<Round> RoundAsync(BuildProcess first, BuildProcess second, string row, bool swapped)
    {
        // What is done first in a process or a machine costs more.
        await first.SampleAsync(row);
        await second.SampleAsync(row);
        List<(double Mine, double Other)> turns = [];
        for (int i = 0; i < Row.All[row].Turns; i++)
        {
            // Each goes first every other time.
            double early = i % 2 == 0 ? await first.SampleAsync(row) : 0;
            double late = await second.SampleAsync(row);
            early = i % 2 == 0 ? early : await first.SampleAsync(row);
            turns.Add(swapped ? (late, early) : (early, late));
        }

        await first.CloseRowsAsync();
        await second.CloseRowsAsync();
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
        // Only a program's folder has the packages that the library needs.
        string[] places = [folder, Path.Combine(folder, "tests/TestHarness.Benchmarks/bin/Release/net10.0")];
        return places.FirstOrDefault(place => File.Exists(Path.Combine(place, "TestHarness.dll")))
            ?? throw new ArgumentException(
                $"There is no TestHarness.dll in {string.Join(" or ", places)}. Build the other one first: dotnet build -c "
                    + $"Release {folder}/tests/TestHarness.Benchmarks"
            );
    }

    private readonly record struct Round(double Mine, double Other, double Ratio);

    // A program with one of the two libraries, and all that it writes. Both lie in the same file system, at paths of the same length: the
    // layout of a QEMU's memory, and with it how fast that is, depends on its arguments and its environment.
    private sealed class Build
    {
        private const string Name = "TestHarness.Benchmarks.";

        private readonly string _program;
        private readonly string _cache;
        private readonly string _run;

        public Build(string place, string library)
        {
            _program = Directory.CreateDirectory(Path.Combine(place, "program")).FullName;
            _cache = Path.Combine(place, "cache");
            _run = Path.Combine(place, "run");
            // What the library brings lies beside it, and without its list of dependencies the program finds all of that.
            IEnumerable<string> own = Directory.EnumerateFiles(AppContext.BaseDirectory),
                brought = Directory
                    .EnumerateFiles(library)
                    .Where(file => !Path.GetFileName(file).StartsWith(Name, StringComparison.Ordinal));
            foreach (string file in own.Concat(brought))
                File.Copy(file, Path.Combine(_program, Path.GetFileName(file)), overwrite: true);
            File.Delete(Path.Combine(_program, $"{Name}deps.json"));
        }

        // A cache for each, without a template: an image that one build makes anew replaces the other's.
        public BuildProcess Start(string image)
        {
            if (Path.Combine(_cache, "templates") is var templates && Directory.Exists(templates))
                Directory.Delete(templates, recursive: true);
            return new BuildProcess(
                _program,
                image,
                new Dictionary<string, string> { ["TESTHARNESS_CACHE"] = _cache, ["TESTHARNESS_RUN"] = _run }
            );
        }
    }
}
