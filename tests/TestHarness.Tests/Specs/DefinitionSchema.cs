using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using TestHarness.Specs;

namespace TestHarness.Tests.Specs;

/// <summary>The schema of definition files (https://json-schema.org/draft-07), made of what reads and writes them.</summary>
internal static partial class DefinitionSchema
{
    private static readonly JsonSerializerOptions Form = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly Dictionary<string, XElement> Documents = XDocument
        .Load(Path.Combine(AppContext.BaseDirectory, "TestHarness.xml"))
        .Descendants("member")
        .ToDictionary(member => member.Attribute("name")!.Value);

    public static string Write()
    {
        var definitions = new JsonObject();
        Define(typeof(MachineSpec), definitions);
        definitions[nameof(SetupStep)] = new JsonObject
        {
            ["description"] = "A step of a machine's set-up: one member names its kind.",
            ["oneOf"] = new JsonArray([.. StepForm.All.Select(form => (JsonNode)StepOf(form, definitions))]),
        };
        JsonObject root = ObjectOf([]);
        root["properties"] = new JsonObject
        {
            ["$schema"] = new JsonObject { ["type"] = "string" },
            ["machines"] = new JsonObject
            {
                ["type"] = "object",
                ["description"] = "The machines by their names.",
                ["minProperties"] = 1,
                ["propertyNames"] = new JsonObject { ["pattern"] = "^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$" },
                ["additionalProperties"] = new JsonObject
                {
                    ["anyOf"] = new JsonArray(Reference(nameof(MachineSpec)), new JsonObject { ["type"] = "null" }),
                },
            },
        };
        root["required"] = new JsonArray("machines");
        var schema = new JsonObject { ["$schema"] = "http://json-schema.org/draft-07/schema#", ["title"] = "Machines of TestHarness" };
        foreach ((string name, JsonNode? value) in root.ToArray())
        {
            root.Remove(name);
            schema[name] = value;
        }

        schema["$defs"] = new JsonObject(
            definitions
                .OrderBy(one => one.Key, StringComparer.Ordinal)
                .ToArray()
                .Select(one =>
                {
                    definitions.Remove(one.Key);
                    return one;
                })
        );
        return $"{schema.ToJsonString(Form)}\n";
    }

    private static void Define(Type type, JsonObject definitions)
    {
        if (definitions.ContainsKey(type.Name))
            return;
        definitions[type.Name] = new JsonObject();
        DefinitionType form = DefinitionType.Of(type);
        JsonObject whole = ObjectOf(form.Members.Where(member => member.IsRequired).Select(member => member.Name));
        whole["properties"] = new JsonObject(
            form.Members.Select(member => KeyValuePair.Create(member.Name, (JsonNode?)Of(member, definitions)))
        );
        JsonObject described = form.Single is { } single
            ? new JsonObject { ["anyOf"] = new JsonArray(Of(single, definitions), whole) }
            : whole;
        described["description"] = Summary($"T:{type.FullName}");
        definitions[type.Name] = described;
    }

    private static JsonObject StepOf(StepForm form, JsonObject definitions)
    {
        JsonObject step = ObjectOf([form.Name, .. form.Others.Where(member => member.IsRequired).Select(member => member.Name)]);
        JsonObject subject = form.Subject is null ? new JsonObject { ["const"] = true } : TypeOf(form.SubjectType, definitions);
        subject["description"] = StepSummary(form);
        step["properties"] = new JsonObject(
            form.Others.Select(member => KeyValuePair.Create(member.Name, (JsonNode?)Of(member, definitions)))
                .Prepend(KeyValuePair.Create(form.Name, (JsonNode?)subject))
        );
        return step;
    }

    private static JsonObject Of(DefinitionMember member, JsonObject definitions)
    {
        JsonObject type = TypeOf(member.Type, definitions);
        if (!type.ContainsKey("$ref"))
            type["description"] = member.Property.DeclaringType is { } owner
                ? Summary($"P:{owner.FullName}.{member.Property.Name}") ?? Parameter(owner, member.Property.Name)
                : null;
        return type;
    }

    private static JsonObject TypeOf(Type type, JsonObject definitions)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        if (DefinitionType.ItemOf(plain) is { } item)
            return new JsonObject { ["type"] = "array", ["items"] = TypeOf(item, definitions) };
        if (DefinitionType.IsTexts(plain))
            return new JsonObject
            {
                ["type"] = "object",
                ["additionalProperties"] = new JsonObject { ["type"] = new JsonArray("string", "number", "boolean") },
            };
        if (plain == typeof(bool))
            return new JsonObject { ["type"] = "boolean" };
        if (plain == typeof(int))
            return new JsonObject { ["type"] = "integer" };
        if (plain.IsEnum && plain != typeof(UnixFileMode))
            return new JsonObject
            {
                ["enum"] = new JsonArray([.. DefinitionScalars.NamesOf(plain).Select(name => JsonValue.Create(name))]),
            };
        if (plain == typeof(TimeSpan))
            return new JsonObject { ["type"] = "string", ["pattern"] = "^([0-9]+(\\.[0-9]+)?(d|h|ms|us|m|s))+$" };
        if (plain == typeof(UnixFileMode))
            // A reader of YAML may take the digits for a number.
            return new JsonObject { ["type"] = new JsonArray("string", "integer") };
        if (DefinitionScalars.Are(plain))
            return new JsonObject { ["type"] = "string" };
        if (plain != typeof(SetupStep))
            Define(plain, definitions);
        return Reference(plain.Name);
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    private static JsonObject ObjectOf(IEnumerable<string> required)
    {
        var whole = new JsonObject { ["type"] = "object", ["additionalProperties"] = false };
        JsonNode[] names = [.. required.Select(name => JsonValue.Create(name))];
        if (names.Length > 0)
            whole["required"] = new JsonArray(names);
        return whole;
    }

    private static string? StepSummary(StepForm form)
    {
        string method = $"{char.ToUpperInvariant(form.Name[0])}{form.Name[1..]}";
        return
            Documents.Keys.FirstOrDefault(name => name.StartsWith($"M:TestHarness.SetupStep.{method}", StringComparison.Ordinal))
                is { } found
            ? Summary(found)
            : null;
    }

    private static string? Summary(string name) =>
        Documents.TryGetValue(name, out XElement? member) && member.Element("summary") is { } summary ? TextOf(summary) : null;

    private static string? Parameter(Type owner, string name) =>
        Documents.TryGetValue($"T:{owner.FullName}", out XElement? member)
        && member.Elements("param").FirstOrDefault(one => one.Attribute("name")!.Value == name) is { } parameter
            ? TextOf(parameter)
            : null;

    // References to other members are told by their names in a file.
    private static string TextOf(XElement element)
    {
        string text = string.Concat(
            element
                .Nodes()
                .Select(node =>
                    node switch
                    {
                        XElement { Name.LocalName: "see" } see => see.Attribute("langword")?.Value
                            ?? JsonNamingPolicy.CamelCase.ConvertName(see.Attribute("cref")!.Value.Split('(')[0].Split('.')[^1]),
                        XElement other => other.Value,
                        _ => node.ToString().Replace("&gt;", ">", StringComparison.Ordinal).Replace("&lt;", "<", StringComparison.Ordinal),
                    }
                )
        );
        string line = Blanks().Replace(text, " ").Trim();
        return line.StartsWith("Gets ", StringComparison.Ordinal) ? $"{char.ToUpperInvariant(line[5])}{line[6..]}" : line;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
