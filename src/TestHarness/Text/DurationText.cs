using System.Globalization;
using System.Text.RegularExpressions;

namespace TestHarness.Text;

/// <summary>A time span as people write it: <c>90s</c>, <c>1h30m</c>, <c>500ms</c>. Pure.</summary>
internal static partial class DurationText
{
    private static readonly (string Unit, TimeSpan Length)[] Units =
    [
        ("d", TimeSpan.FromDays(1)),
        ("h", TimeSpan.FromHours(1)),
        ("m", TimeSpan.FromMinutes(1)),
        ("s", TimeSpan.FromSeconds(1)),
        ("ms", TimeSpan.FromMilliseconds(1)),
        ("us", TimeSpan.FromMicroseconds(1)),
    ];

    /// <summary>Reads one; <see langword="null"/> where it is none, or has no unit.</summary>
    public static TimeSpan? TryParse(string text)
    {
        if (!Pattern().IsMatch(text))
            return null;
        double ticks = Part()
            .Matches(text)
            .Sum(part => double.Parse(part.Groups["number"].Value, CultureInfo.InvariantCulture) * TicksOf(part.Groups["unit"].Value));
        return ticks <= TimeSpan.MaxValue.Ticks / 2 ? TimeSpan.FromTicks((long)Math.Round(ticks)) : null;
    }

    /// <summary>Writes one, to the microsecond.</summary>
    public static string Write(TimeSpan span)
    {
        string text = "";
        TimeSpan rest = span.Duration();
        foreach ((string unit, TimeSpan length) in Units)
        {
            long count = rest.Ticks / length.Ticks;
            rest -= length * count;
            text += count > 0 ? string.Create(CultureInfo.InvariantCulture, $"{count}{unit}") : "";
        }

        return $"{(span < TimeSpan.Zero ? "-" : "")}{(text.Length > 0 ? text : "0s")}";
    }

    private static long TicksOf(string unit) => Units.First(known => known.Unit == unit).Length.Ticks;

    [GeneratedRegex(@"\A([0-9]+(\.[0-9]+)?(d|h|ms|us|m|s))+\z")]
    private static partial Regex Pattern();

    [GeneratedRegex(@"(?<number>[0-9]+(\.[0-9]+)?)(?<unit>d|h|ms|us|m|s)")]
    private static partial Regex Part();
}
