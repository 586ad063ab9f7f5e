using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using TestHarness.Text;

namespace TestHarness.Specs;

/// <summary>How the values of a record's members are written in a definition file. Pure.</summary>
internal static class DefinitionScalars
{
    private const string Unix = "unix:";

    private static readonly Dictionary<Type, string> Words = new()
    {
        [typeof(string)] = "a text",
        [typeof(bool)] = "true or false",
        [typeof(int)] = "a whole number",
        [typeof(TimeSpan)] = "a time with its unit, such as 90s, 5m or 1h30m",
        [typeof(DateTimeOffset)] = "a date with time and offset, such as 2030-01-31T12:00:00Z",
        [typeof(UnixFileMode)] = "permissions in octal, such as 0644",
        [typeof(MacAddress)] = "the address of a card, such as 52:54:00:65:43:21",
        [typeof(IPAddress)] = "an IP address, such as 10.77.1.10",
        [typeof(IPNetwork)] = "a subnet, such as 10.77.1.0/24",
        [typeof(EndPoint)] = "an address with its port, such as 127.0.0.1:5432, or unix:/path",
    };

    /// <summary>Tells whether a type is written as one value.</summary>
    public static bool Are(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is var plain && (plain.IsEnum || Words.ContainsKey(plain));

    /// <summary>Says what a value of a type looks like.</summary>
    public static string Describe(Type type) =>
        Words.TryGetValue(type, out string? words) ? words : $"one of {string.Join(", ", NamesOf(type))}";

    /// <summary>The names of an enumeration's values.</summary>
    public static IEnumerable<string> NamesOf(Type type) => Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName);

    /// <summary>Reads a value; <see langword="null"/> where it is none of that type.</summary>
    public static object? TryRead(Type type, DataScalar scalar)
    {
        string text = scalar.Text;
        if (type == typeof(string))
            return text;
        if (type == typeof(bool))
            return scalar.IsQuoted ? null
                : text is "true" or "false" ? text == "true"
                : null;
        if (type == typeof(int))
            return !scalar.IsQuoted && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
                ? number
                : null;
        if (type == typeof(TimeSpan))
            return DurationText.TryParse(text);
        if (type == typeof(DateTimeOffset))
            return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
                ? time
                : null;
        if (type == typeof(UnixFileMode))
            return text.Length is 3 or 4 && text.All(digit => digit is >= '0' and <= '7') ? (UnixFileMode)Convert.ToInt32(text, 8) : null;
        if (type == typeof(EndPoint))
            return ReadEndPoint(text);
        if (type == typeof(MacAddress))
            return MacAddress.TryParse(text, out MacAddress card) ? card : null;
        if (type == typeof(IPAddress))
            return IPAddress.TryParse(text, out IPAddress? address) ? address : null;
        if (type == typeof(IPNetwork))
            return IPNetwork.TryParse(text, out IPNetwork subnet) ? subnet : null;
        return NamesOf(type).Contains(text, StringComparer.Ordinal) ? Enum.Parse(type, text, ignoreCase: true) : null;
    }

    /// <summary>Writes a value as a text, a number or a flag.</summary>
    public static object Write(object value) =>
        value switch
        {
            string or bool or int => value,
            TimeSpan span => DurationText.Write(span),
            DateTimeOffset time => time.ToString("O", CultureInfo.InvariantCulture),
            UnixFileMode mode => Convert.ToString((int)mode, 8).PadLeft(4, '0'),
            UnixDomainSocketEndPoint unix => $"{Unix}{unix}",
            DnsEndPoint name => string.Create(CultureInfo.InvariantCulture, $"{name.Host}:{name.Port}"),
            EndPoint or IPAddress or IPNetwork or MacAddress => value.ToString()!,
            _ => JsonNamingPolicy.CamelCase.ConvertName(value.ToString()!),
        };

    private static EndPoint? ReadEndPoint(string text)
    {
        if (text.StartsWith(Unix, StringComparison.Ordinal))
            return text.Length > Unix.Length ? new UnixDomainSocketEndPoint(text[Unix.Length..]) : null;
        if (
            text.LastIndexOf(':') is not (> 0 and var colon)
            || !ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
        )
            return null;
        string host = text[..colon];
        return IPEndPoint.TryParse(text, out IPEndPoint? address) && (host[0] == '[' || !host.Contains(':', StringComparison.Ordinal))
                ? address
            : Uri.CheckHostName(host) == UriHostNameType.Dns ? new DnsEndPoint(host, port)
            : null;
    }
}
