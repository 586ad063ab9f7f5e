using System.Text.Json;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.Specs;
using Xunit;

namespace TestHarness.Tests.Specs;

/// <summary>
/// The schema that editors take. It is written by: <c>PAGES=write dotnet test tests/TestHarness.Tests --filter DefinitionSchemaTests</c>.
/// </summary>
public sealed class DefinitionSchemaTests
{
    private const string Page = "docs/definition.schema.json";

    [Fact]
    public void It_is_what_the_reader_takes()
    {
        if (Environment.GetEnvironmentVariable("PAGES") == "write")
            File.WriteAllText(Path.Combine(PagesTests.Root, Page), DefinitionSchema.Write());

        PagesTests
            .Read(Page)
            .Should()
            .Be(DefinitionSchema.Write(), "PAGES=write dotnet test tests/TestHarness.Tests --filter DefinitionSchemaTests writes it");
    }

    [Theory]
    [InlineData("""{ "machines": { "a": null, "b": { "cpus": 2, "disks": [64, { "sizeMiB": 1 }] } } }""", true)]
    [InlineData("""{ "machines": { "a": { "setup": [{ "run": "ls", "timeout": "30s" }, { "reboot": true }] } } }""", true)]
    [InlineData("""{ "machines": { "a": { "setup": [{ "push": "a/", "guestPath": "/a/", "options": { "owner": "x" } }] } } }""", true)]
    [InlineData("""{ "machines": { "a": { "firmware": "uefi", "ssh": { "port": 22 } } } }""", true)]
    [InlineData("""{ "machines": {} }""", false)]
    [InlineData("""{ "machines": { "a": { "memory": 3 } } }""", false)]
    [InlineData("""{ "machines": { "a": { "firmware": "grub" } } }""", false)]
    [InlineData("""{ "machines": { "a": { "setup": [{ "push": "a/" }] } } }""", false)]
    [InlineData("""{ "machines": { "a": { "setup": [{ "run": "ls", "reboot": true }] } } }""", false)]
    [InlineData("""{ "machines": { "a": { "stopTimeout": "30" } } }""", false)]
    public void It_takes_what_the_reader_takes(string json, bool valid)
    {
        using JsonDocument schema = JsonDocument.Parse(DefinitionSchema.Write()),
            file = JsonDocument.Parse(json);

        Takes(schema.RootElement, schema.RootElement, file.RootElement).Should().Be(valid);
        Action read = () => DefinitionFile.Parse(json, isJson: true, "a.json", "/");
        if (valid)
            read.Should().NotThrow();
        else
            read.Should().Throw<ArgumentException>();
    }

    // As much of draft 7 as the schema uses.
    private static bool Takes(JsonElement root, JsonElement schema, JsonElement value)
    {
        if (schema.TryGetProperty("$ref", out JsonElement reference))
            return Takes(root, root.GetProperty("$defs").GetProperty(reference.GetString()!.Split('/')[^1]), value);
        return schema
            .EnumerateObject()
            .All(rule =>
                rule.Name switch
                {
                    "anyOf" => rule.Value.EnumerateArray().Any(one => Takes(root, one, value)),
                    "oneOf" => rule.Value.EnumerateArray().Count(one => Takes(root, one, value)) == 1,
                    "enum" => rule.Value.EnumerateArray().Any(one => one.GetRawText() == value.GetRawText()),
                    "const" => rule.Value.GetRawText() == value.GetRawText(),
                    "type" when rule.Value.ValueKind == JsonValueKind.Array => rule
                        .Value.EnumerateArray()
                        .Any(type => Is(type.GetString()!, value)),
                    "type" => Is(rule.Value.GetString()!, value),
                    "pattern" => value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, rule.Value.GetString()!),
                    "minProperties" => value.EnumerateObject().Count() >= rule.Value.GetInt32(),
                    "required" => value.ValueKind != JsonValueKind.Object
                        || rule.Value.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
                    "items" => value.ValueKind != JsonValueKind.Array || value.EnumerateArray().All(item => Takes(root, rule.Value, item)),
                    "properties" => value.ValueKind != JsonValueKind.Object
                        || rule.Value.EnumerateObject()
                            .All(member => !value.TryGetProperty(member.Name, out JsonElement given) || Takes(root, member.Value, given)),
                    "additionalProperties" => value.ValueKind != JsonValueKind.Object
                        || Others(schema, value).All(other => Additional(rule.Value, other)),
                    _ => true,
                }
            );

        bool Additional(JsonElement rule, JsonElement other) => rule.ValueKind != JsonValueKind.False && Takes(root, rule, other);
    }

    private static IEnumerable<JsonElement> Others(JsonElement schema, JsonElement value) =>
        value
            .EnumerateObject()
            .Where(member => !schema.TryGetProperty("properties", out JsonElement known) || !known.TryGetProperty(member.Name, out _))
            .Select(member => member.Value);

    private static bool Is(string type, JsonElement value) =>
        type switch
        {
            "object" => value.ValueKind == JsonValueKind.Object,
            "array" => value.ValueKind == JsonValueKind.Array,
            "string" => value.ValueKind == JsonValueKind.String,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "null" => value.ValueKind == JsonValueKind.Null,
            "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
            _ => value.ValueKind == JsonValueKind.Number,
        };
}
