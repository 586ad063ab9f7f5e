using System.Diagnostics;
using System.Globalization;

namespace TestHarness.Benchmarks;

/// <summary>The table of what was measured, on a page (<c>--page FILE</c>): the page's first one is replaced.</summary>
internal static class MeasurementsPage
{
    public static async Task WriteAsync(string file, string image, IEnumerable<Metric> metrics)
    {
        string page = await File.ReadAllTextAsync(file);
        int start = page.IndexOf("\n|", StringComparison.Ordinal) + 1,
            end = page.IndexOf("\n\n", start, StringComparison.Ordinal) + 1;
        if (start == 0 || end == 0)
            throw new ArgumentException($"{file} has no table, with an empty line behind it, that could be replaced.");
        string head = $"| {image} on {Host()} | median | samples |\n|---|---|---|\n",
            rows = string.Concat(metrics.Where(metric => metric.Samples.Count > 0).Select(metric => Row(metric, $"{image}: ")));
        await File.WriteAllTextAsync(file, $"{page[..start]}{head}{rows}{page[end..]}");
    }

    private static string Row(Metric metric, string prefix)
    {
        string name = metric.Name.StartsWith(prefix, StringComparison.Ordinal) ? metric.Name[prefix.Length..] : metric.Name;
        // Three digits say more than the host is good for.
        string format =
            metric.Median >= 100 ? "0"
            : metric.Median >= 10 ? "0.0"
            : "0.00";
        return $"| {name} | {metric.Median.ToString(format, CultureInfo.InvariantCulture)} {metric.Unit} | {metric.Samples.Count} |\n";
    }

    private static string Host() =>
        $"{Value("/proc/cpuinfo", "model name", ':')}, {Environment.ProcessorCount} processors, "
        + $"{Value("/etc/os-release", "PRETTY_NAME", '=')}, QEMU {Version()}";

    private static string Value(string file, string name, char separator) =>
        File.ReadLines(file).First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(separator, 2)[1].Trim(' ', '"');

    private static string Version()
    {
        using Process qemu = Process.Start(new ProcessStartInfo("qemu-system-x86_64", "--version") { RedirectStandardOutput = true })!;
        return qemu.StandardOutput.ReadToEnd().Split(' ')[3].Split('\n')[0];
    }
}
