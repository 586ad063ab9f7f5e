using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TestHarness.Evidence;

/// <summary>Writes a timeline as JSON lines: one object a line, in order of time.</summary>
internal static class EventLines
{
    // Control characters are escaped with this encoder, too.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(IEnumerable<MachineEvent> events) => string.Concat(events.Select(entry => $"{Line(entry)}\n"));

    private static string Line(MachineEvent entry)
    {
        var line = new JsonObject
        {
            ["time"] = entry.Time.UtcDateTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
            ["ms"] = Milliseconds(entry.SinceStart),
            ["kind"] = entry.Kind.ToString().ToLowerInvariant(),
            ["what"] = entry.What,
        };
        if (entry.Duration is { } duration)
            line["durationMs"] = Milliseconds(duration);
        if (entry.Outcome is { } outcome)
            line["outcome"] = outcome;
        return line.ToJsonString(Json);
    }

    private static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 3);
}
