using TestHarness.Text;

namespace TestHarness.FluentAssertions;

/// <summary>Prepares texts for FluentAssertions' messages, which are formats.</summary>
internal static class MessageText
{
    /// <summary>
    /// Keeps what a guest wrote from acting on a terminal or a CI log, and its braces from being taken for the format's own.
    /// </summary>
    public static string Literal(string text) =>
        PrintableText.Of(text).Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal);
}
