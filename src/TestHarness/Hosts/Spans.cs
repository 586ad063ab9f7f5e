using System.Diagnostics;

namespace TestHarness.Hosts;

/// <summary>
/// Where the time of a start goes, as activities of the source <c>TestHarness</c> (System.Diagnostics; OpenTelemetry reads them). Costs
/// nothing while nobody listens.
/// </summary>
internal static class Spans
{
    private static readonly ActivitySource Source = new("TestHarness");

    public static Activity? Start(string name, string? machine = null) => Source.StartActivity(name)?.SetTag("machine", machine);
}
