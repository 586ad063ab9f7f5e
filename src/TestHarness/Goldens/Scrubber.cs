using System.Text.RegularExpressions;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// Replaces what differs from run to run in a text by a word in braces, so that the rest can be compared with a golden. Several make a
/// list: <c>[.. Scrubber.All, Scrubber.Pattern("build", "build-[0-9]+")]</c>.
/// </summary>
public sealed partial class Scrubber
{
    private readonly Func<string, string> _apply;

    private Scrubber(string name, Func<string, string> apply) => (Name, _apply) = (name, apply);

    /// <summary>Gets escape sequences removed and what was written over written over, as a terminal would have shown it.</summary>
    public static Scrubber Ansi { get; } = new("ansi", TerminalText.Of);

    /// <summary>Gets times of the kernel's log, <c>[    0.123456]</c>, replaced by <c>[{time}]</c>.</summary>
    public static Scrubber KernelTimestamps { get; } = new("kernel timestamps", text => KernelTime().Replace(text, "[{time}]"));

    /// <summary>Gets dates, times of day, and seconds since 1970 replaced by <c>{date}</c>.</summary>
    public static Scrubber Dates { get; } = new("dates", text => Date().Replace(text, "{date}"));

    /// <summary>Gets UUIDs, and machine ids of 32 digits, replaced by <c>{uuid}</c>.</summary>
    public static Scrubber Uuids { get; } = new("uuids", text => Uuid().Replace(text, "{uuid}"));

    /// <summary>Gets MAC addresses replaced by <c>{mac}</c>.</summary>
    public static Scrubber MacAddresses { get; } = new("macs", text => Mac().Replace(text, "{mac}"));

    /// <summary>Gets IPv4 and IPv6 addresses replaced by <c>{ip}</c>.</summary>
    public static Scrubber IpAddresses { get; } = new("ip addresses", text => Ip().Replace(text, "{ip}"));

    /// <summary>Gets memory addresses, in hexadecimal, replaced by <c>{address}</c>.</summary>
    public static Scrubber Addresses { get; } = new("addresses", text => Address().Replace(text, "{address}"));

    /// <summary>Gets the processor's name, family and features replaced by <c>{cpu}</c>.</summary>
    public static Scrubber CpuModel { get; } = new("cpu model", text => Cpu().Replace(text, "$1{cpu}"));

    /// <summary>Gets process ids, <c>sshd[123]</c> and <c>pid 123</c>, replaced by <c>{pid}</c>.</summary>
    public static Scrubber Pids { get; } = new("pids", text => Pid().Replace(text, "{pid}"));

    /// <summary>Gets sizes, numbers with a unit of memory or disk, replaced by <c>{size}</c>.</summary>
    public static Scrubber Sizes { get; } = new("sizes", text => Size().Replace(text, "{size}"));

    /// <summary>Gets durations and frequencies, numbers with such a unit, replaced by <c>{duration}</c>.</summary>
    public static Scrubber Durations { get; } = new("durations", text => Duration().Replace(text, "{duration}"));

    /// <summary>Gets all of these, in an order in which none takes a part of what is another's.</summary>
    public static IReadOnlyList<Scrubber> All { get; } =
    [Ansi, KernelTimestamps, CpuModel, Uuids, MacAddresses, Dates, IpAddresses, Addresses, Pids, Durations, Sizes];

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Makes one of a pattern.</summary>
    /// <param name="name">The word that stands in braces in place of what the pattern matches.</param>
    /// <param name="pattern">The regular expression; <c>^</c> and <c>$</c> are a line's.</param>
    /// <returns>The scrubber.</returns>
    public static Scrubber Pattern(string name, string pattern)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var regex = new Regex(pattern, RegexOptions.Multiline | RegexOptions.CultureInvariant);
        return new Scrubber(name, text => regex.Replace(text, _ => $"{{{name}}}"));
    }

    /// <summary>Makes one of a function.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="apply">Returns the text without what differs from run to run.</param>
    /// <returns>The scrubber.</returns>
    public static Scrubber Function(string name, Func<string, string> apply)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(apply);
        return new Scrubber(name, apply);
    }

    /// <summary>Replaces in a text.</summary>
    /// <param name="text">The text, with LF line ends.</param>
    /// <returns>The text without what differs from run to run.</returns>
    public string Apply(string text) => _apply(text);

    /// <summary>Returns the name.</summary>
    /// <returns>The name.</returns>
    public override string ToString() => Name;

    [GeneratedRegex(@"\[ *[0-9]+\.[0-9]{6}\](?:\[ *[TC][0-9]+\])?")]
    private static partial Regex KernelTime();

    [GeneratedRegex(
        @"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?: ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?\b"
            + @"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +)?(?:[0-9]{1,2} +)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
            + @"+[0-9]{1,4} +[0-9]{2}:[0-9]{2}:[0-9]{2}(?: +[A-Z]{3,4})?(?: +[0-9]{4})?\b"
            + @"|(?<![0-9a-zA-Z:.])[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?\b(?![:0-9a-f])"
            + @"|\b1[5-9][0-9]{8}(?:\.[0-9]{3}(?::[0-9]+)?)?\b",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Date();

    [GeneratedRegex(
        @"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex Uuid();

    [GeneratedRegex(
        @"(?<![0-9a-f:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f:])",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex Mac();

    [GeneratedRegex(
        @"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.]*[0-9])"
            + @"|(?<![0-9a-f:.])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}"
            + @"|(?:[0-9a-f]{1,4}:){2,7}:|::1)(?![0-9a-f:])",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex Ip();

    [GeneratedRegex(@"\b0x[0-9a-f]{5,16}\b|\b[0-9a-f]{16}\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Address();

    [GeneratedRegex(@"(?m)((?:\bCPU[0-9]*: +|^model name\s*: ?|\bModel name: +))(?=\S*[A-Za-z]).*$", RegexOptions.CultureInvariant)]
    private static partial Regex Cpu();

    [GeneratedRegex(@"(?<=\w\[)[0-9]+(?=\]:)|(?<=\b(?:pid|PID)[ =:]+)[0-9]+\b", RegexOptions.CultureInvariant)]
    private static partial Regex Pid();

    [GeneratedRegex(@"\b[0-9]+(?:\.[0-9]+)? ?(?:bytes?|blocks?|sectors?|pages?|[kKMGT]i?B?)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Size();

    [GeneratedRegex(
        @"\b[0-9]+(?:\.[0-9]+)? ?(?:ns|nsec|nsecs|us|µs|usec|usecs|ms|msec|msecs|s|sec|secs|seconds?|[kMG]?Hz|BogoMIPS)\b"
            + @"|(?<=\b(?:lpj=|nsec: "
            + @""
            + @"))[0-9]+\b",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Duration();
}
