using System.Globalization;
using System.Text.Json;
using TestHarness.Benchmarks;

// dotnet run -c Release --project tests/TestHarness.Benchmarks -- [--json FILE] [--page FILE] [--count N] [--boots N] [--image NAME]
//     [--spans] [--only starts|commands|machines|transfers|layers|screens|networks|clusters]
// dotnet run -c Release --project tests/TestHarness.Benchmarks -- --against FOLDER [--count ROUNDS] [--image NAME] [--only ROW]
// The second form compares this build with the one in FOLDER, a folder with its TestHarness.dll or a checkout that was built: ratio and
// 95 % interval of each row.
string? Option(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
int count = int.Parse(Option("--count") ?? "20", CultureInfo.InvariantCulture);
int boots = int.Parse(Option("--boots") ?? "3", CultureInfo.InvariantCulture);

string[] images = Option("--image") is { } one ? [one] : ["tiny", "debian-12"];
if (Option("--serve") is { } served)
{
    await BuildProcess.ServeAsync(served);
    return;
}

if (Option("--against") is { } folder)
{
    await Against.RunAsync(Path.GetFullPath(folder), images, count, Option("--only"));
    return;
}

bool Wants(string part) => Option("--only") is not { } only || only == part;

List<Metric> metrics = [];
foreach (string image in images)
{
    if (Wants("starts"))
    {
        using var spans = new SpanCollector();
        metrics.AddRange(await StartBenchmark.RunAsync(image, count, boots));
        if (args.Contains("--spans"))
            metrics.AddRange(spans.Metrics.Select(span => span with { Name = $"{image}: {span.Name}" }));
    }

    if (Wants("commands"))
        metrics.AddRange(await CommandBenchmark.RunAsync(image, count));
    if (Wants("transfers"))
        metrics.AddRange(await TransferBenchmark.RunAsync(image, count));
    if (Wants("machines"))
        metrics.AddRange(await MachineBenchmark.RunAsync(image, count));
    if (Wants("layers"))
        metrics.AddRange(await LayerBenchmark.RunAsync(image, Math.Min(count, 15)));
    if (Wants("screens"))
        metrics.AddRange(await ScreenBenchmark.RunAsync(image, count));
}

if (Wants("networks"))
    metrics.AddRange(await NetworkBenchmark.RunAsync());
if (Wants("clusters"))
    metrics.AddRange(await ClusterBenchmark.RunAsync(Math.Min(count, 15), cold: boots > 0));
foreach (Metric metric in metrics.Where(metric => metric.Samples.Count > 0))
    Console.WriteLine($"{metric.Median, 10:0.000} {metric.Unit}  {metric.Name}  (median of {metric.Samples.Count})");
if (Option("--json") is { } file)
    await File.WriteAllTextAsync(file, JsonSerializer.Serialize(metrics));
if (Option("--page") is { } page)
    await MeasurementsPage.WriteAsync(page, images[0], metrics);
