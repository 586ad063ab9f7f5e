using System.Text.Json;

namespace TestHarness.Qemu;

/// <summary>Members of what another program sent, which may be of any type or missing.</summary>
internal static class MessageMembers
{
    public static bool TryGetMember(this JsonElement parent, string name, out JsonElement value)
    {
        value = default;
        return parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out value);
    }

    public static string? TryGetText(this JsonElement parent, string name) =>
        parent.TryGetMember(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static int? TryGetNumber(this JsonElement parent, string name) =>
        parent.TryGetMember(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number
            : null;

    public static bool? TryGetFlag(this JsonElement parent, string name) =>
        parent.TryGetMember(name, out JsonElement value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : null;
}
