using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace TestHarness.Qemu;

/// <summary>
/// The messages of QEMU's monitor, read strictly (https://www.qemu.org/docs/master/interop/qmp-spec.html): after one that is none, nothing
/// that follows can be trusted.
/// </summary>
internal static class QmpMessage
{
    private const int ExcerptBytes = 80;

    private static readonly Version Oldest = new(7, 2);

    /// <summary>Reads a line as a JSON object.</summary>
    /// <exception cref="QmpBrokenException">It is none.</exception>
    public static JsonElement Parse(ReadOnlyMemory<byte> line)
    {
        if (!Utf8.IsValid(line.Span))
            throw new QmpBrokenException($"it sent bytes that are not UTF-8: {Excerpt(line.Span)}");
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new QmpBrokenException($"it sent something else than a JSON object: {Excerpt(line.Span)}");
        }
        catch (JsonException e)
        {
            throw new QmpBrokenException($"it sent what is not JSON: {Excerpt(line.Span)}", e);
        }
    }

    /// <summary>Checks that a message is the greeting of a QEMU that is new enough.</summary>
    /// <exception cref="QmpBrokenException">It is not.</exception>
    public static void CheckGreeting(JsonElement message)
    {
        if (!TryGetObject(message, "QMP", out JsonElement greeting))
            throw new QmpBrokenException($"it did not greet, but sent {Excerpt(Encoding.UTF8.GetBytes(message.GetRawText()))}");
        if (
            !TryGetObject(greeting, "version", out JsonElement version)
            || !TryGetObject(version, "qemu", out JsonElement qemu)
            || !TryGetNumber(qemu, "major", out int major)
            || !TryGetNumber(qemu, "minor", out int minor)
        )
            throw new QmpBrokenException($"its greeting names no version of QEMU: {Excerpt(Encoding.UTF8.GetBytes(message.GetRawText()))}");
        if (new Version(major, minor) < Oldest)
            throw new QmpBrokenException($"it is QEMU {major}.{minor}, and {Oldest} or newer is needed");
    }

    /// <summary>The beginning of what came, quoted, with nothing in it that a terminal obeys.</summary>
    public static string Excerpt(ReadOnlySpan<byte> bytes)
    {
        string text = JsonSerializer.Serialize(Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, ExcerptBytes)].TrimEnd("\r\n"u8)));
        return bytes.Length > ExcerptBytes ? $"{text}…" : text;
    }

    private static bool TryGetObject(JsonElement parent, string name, out JsonElement value) =>
        parent.TryGetProperty(name, out value) && value.ValueKind == JsonValueKind.Object;

    private static bool TryGetNumber(JsonElement parent, string name, out int value)
    {
        value = 0;
        return parent.TryGetProperty(name, out JsonElement number)
            && number.ValueKind == JsonValueKind.Number
            && number.TryGetInt32(out value)
            && value >= 0;
    }
}
