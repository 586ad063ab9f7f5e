namespace TestHarness.FluentAssertions;

/// <summary>Prepares texts for FluentAssertions' messages, which are formats.</summary>
internal static class MessageText
{
    /// <summary>Keeps the braces of what a guest wrote from being taken for the format's own.</summary>
    public static string Literal(string text) =>
        text.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal);
}
