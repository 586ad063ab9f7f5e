using System.Collections.Concurrent;
using System.Diagnostics;

namespace TestHarness.Benchmarks;

/// <summary>Listens to the library's activities and keeps how long each took.</summary>
internal sealed class SpanCollector : IDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<double>> _spans = new();
    private readonly ActivityListener _listener;

    public SpanCollector()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "TestHarness",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => _spans.GetOrAdd(activity.OperationName, _ => []).Enqueue(activity.Duration.TotalMilliseconds),
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public IEnumerable<Metric> Metrics =>
        _spans.OrderBy(span => span.Key).Select(span => new Metric($"span {span.Key}", "ms", [.. span.Value]));

    public void Dispose() => _listener.Dispose();
}
