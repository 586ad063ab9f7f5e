using System.Text.Json;

namespace TestHarness.Images;

/// <summary>
/// Reads the members of one JSON object and notes every mistake with its path in place of stopping at the first; a member that nobody
/// asked for is one too.
/// </summary>
internal sealed class JsonMembers(JsonElement element, string path, List<string> mistakes)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public string Path => path;

    public void Mistake(string member, string text) => mistakes.Add($"{path}.{member}: {text}");

    public bool Has(string member) => element.TryGetProperty(member, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    public string? Text(string member) => Find(member, JsonValueKind.String, "a text") is { } value ? value.GetString() : null;

    public string RequiredText(string member)
    {
        if (Text(member) is { Length: > 0 } text)
            return text;
        // A value of another kind has been noted already.
        if (!element.TryGetProperty(member, out JsonElement value) || value.ValueKind is JsonValueKind.String or JsonValueKind.Null)
            Mistake(member, "is missing");
        return "";
    }

    public int? Number(string member, int minimum, int maximum)
    {
        if (Find(member, JsonValueKind.Number, "a number") is not { } value)
            return null;
        if (value.TryGetInt32(out int number) && number >= minimum && number <= maximum)
            return number;
        Mistake(member, $"{value.GetRawText()} is not a whole number from {minimum} to {maximum}");
        return null;
    }

    public bool Flag(string member, bool absent = false)
    {
        _known.Add(member);
        if (!element.TryGetProperty(member, out JsonElement value))
            return absent;
        if (value.ValueKind == JsonValueKind.True)
            return true;
        Find(member, JsonValueKind.False, "true or false");
        return false;
    }

    public IReadOnlyList<string>? Texts(string member)
    {
        if (Find(member, JsonValueKind.Array, "a list of texts") is not { } list)
            return null;
        var texts = new List<string>();
        int index = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.String && item.GetString() is { Length: > 0 } text)
                texts.Add(text);
            else
                Mistake($"{member}[{index}]", $"{Show(item)} is not a text");
            index++;
        }

        return texts;
    }

    public IReadOnlyList<T> Objects<T>(string member, Func<JsonMembers, T> read)
    {
        if (Find(member, JsonValueKind.Array, "a list of objects") is not { } list)
            return [];
        var objects = new List<T>();
        int index = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object)
                objects.Add(ReadObject(item, $"{path}.{member}[{index}]", read));
            else
                Mistake($"{member}[{index}]", $"{Show(item)} is not an object");
            index++;
        }

        return objects;
    }

    public T? RequiredObject<T>(string member, Func<JsonMembers, T> read)
        where T : class
    {
        if (Find(member, JsonValueKind.Object, "an object") is { } value)
            return ReadObject(value, $"{path}.{member}", read);
        if (!Has(member))
            Mistake(member, "is missing");
        return null;
    }

    /// <summary>Says that a member may be there, which another reader reads.</summary>
    public void Allow(string member) => _known.Add(member);

    /// <summary>Notes the members that were not asked for; to be called last.</summary>
    public void NoteUnknown()
    {
        string[] unknown = [.. element.EnumerateObject().Select(member => member.Name).Where(name => !_known.Contains(name))];
        foreach (string name in unknown)
            Mistake(
                name,
                $"is not a member here; known are {string.Join(", ", _known.Where(known => known[0] != '$').Order(StringComparer.Ordinal))}"
            );
    }

    private T ReadObject<T>(JsonElement item, string itemPath, Func<JsonMembers, T> read)
    {
        var members = new JsonMembers(item, itemPath, mistakes);
        T result = read(members);
        members.NoteUnknown();
        return result;
    }

    private JsonElement? Find(string member, JsonValueKind kind, string expected)
    {
        _known.Add(member);
        if (!element.TryGetProperty(member, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == kind)
            return value;
        Mistake(member, $"{Show(value)} is not {expected}");
        return null;
    }

    private static string Show(JsonElement value)
    {
        string text = value.GetRawText().ReplaceLineEndings(" ");
        return text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 57), "...");
    }
}
