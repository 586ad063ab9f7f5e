using System.Globalization;

namespace TestHarness.Qemu;

/// <summary>What the probe guest showed of an accelerator.</summary>
/// <param name="Fault">Why no guest can be expected to run under it, as a clause; <see langword="null"/> where the probe guest did
/// everything right.</param>
/// <param name="Ticks">How many ticks of the time stamp counter its measured work took at best; 0 where it did not come so far.</param>
/// <param name="Hung">The guest was killed at the probe's limit.</param>
/// <param name="Words">QEMU's own words.</param>
internal sealed record AcceleratorProof(string? Fault, long Ticks = 0, bool Hung = false, string Words = "")
{
    // What probe.S prints and how it ends: isa-debug-exit makes 2n + 1 of a number.
    private const string Mark = "probe:";
    private const string TicksMark = "probe:ticks ";
    private const int Done = 33;
    private const int WrongResult = 35;

    private const int LongestWord = 200;
    private const int MostWords = 10;

    /// <summary>How long the measured work took, in milliseconds; <see langword="null"/> where nobody knows.</summary>
    public double? Milliseconds { get; init; }

    /// <summary>Whether it is for this process only, because a busy host may be all there is to it.</summary>
    public bool IsPassing { get; init; }

    /// <summary>Reads what a probe left.</summary>
    /// <param name="output">Its output, the guest's lines and QEMU's own.</param>
    /// <param name="exitCode">QEMU's, or <see langword="null"/> where it was killed at the limit.</param>
    /// <param name="limit">That limit.</param>
    public static AcceleratorProof Read(string output, int? exitCode, TimeSpan limit)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string[] words = [.. lines.Where(line => !line.StartsWith(Mark, StringComparison.Ordinal)).Select(Cut).Take(MostWords)];
        string? ticksLine = lines.LastOrDefault(line => line.StartsWith(TicksMark, StringComparison.Ordinal));
        _ = long.TryParse(ticksLine?[TicksMark.Length..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long ticks);
        if (exitCode == Done && ticks > 0)
            return new AcceleratorProof(null, ticks);

        string[] steps = [.. lines.Where(line => line.StartsWith(Mark, StringComparison.Ordinal)).Select(line => line[Mark.Length..])];
        string reached = steps is [.., var last] ? $"after its step '{Cut(last)}'" : "before its first step";
        // A warning comes before what went wrong.
        string said = words.FirstOrDefault(line => !line.Contains("warning:", StringComparison.Ordinal)) is { } line
            ? $" (QEMU: {line})"
            : "";
        string fault = exitCode switch
        {
            null => string.Create(
                CultureInfo.InvariantCulture,
                $"a probe guest hung {reached} and was killed after {limit.TotalSeconds:0.#} s{said}"
            ),
            WrongResult => $"a probe guest got a wrong result {(steps.Length > 1 ? $"after its step '{Cut(steps[^2])}'" : reached)}",
            // The machine was started with -no-reboot, so a triple fault ends QEMU.
            0 => $"a probe guest crashed {reached}{said}",
            _ => said.Length > 0 && steps.Length == 0 ? $"QEMU ended{said}" : $"QEMU ended with exit code {exitCode} {reached}{said}",
        };
        return new AcceleratorProof(fault, 0, exitCode is null, string.Join('\n', words));
    }

    private static string Cut(string line) => line.Length <= LongestWord ? line : string.Concat(line.AsSpan(0, LongestWord), "…");
}
