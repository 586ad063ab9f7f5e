using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace TestHarness.Seeds;

/// <summary>Checks and writes YAML. The only place that knows YamlDotNet.</summary>
internal static class YamlText
{
    /// <summary>Returns where a text is not one YAML mapping, or <see langword="null"/>.</summary>
    public static YamlMistake? FindMistake(string text)
    {
        var scanner = new Scanner(new StringReader(text));
        try
        {
            var stream = new YamlStream();
            stream.Load(new Parser(scanner));
            return stream.Documents switch
            {
                [] => null,
                [{ RootNode: YamlMappingNode }] => null,
                [{ RootNode: YamlScalarNode { Value: null or "" } }] => null,
                [{ RootNode: var root }] => At(root.Start, "A mapping (key: value) is expected here."),
                [_, { RootNode: var second }, ..] => At(second.Start, "A second document begins before here; only one is read."),
            };
        }
        catch (YamlException e)
        {
            return At(e.Start, e.Message);
        }
        catch (InvalidOperationException)
        {
            // YamlDotNet 16.3.0 ends so where a list or mapping in brackets is not closed.
            return At(scanner.CurrentPosition, "A bracket that was opened before here is not closed.");
        }
    }

    /// <summary>Adds a text member to a mapping that has no such member; the text was checked.</summary>
    public static string AddMissing(string text, string key, string value)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        YamlMappingNode root = stream.Documents is [{ RootNode: YamlMappingNode mapping }] ? mapping : [];
        if (!root.Children.ContainsKey(new YamlScalarNode(key)))
            root.Add(key, Text(value));
        return Write(root);
    }

    /// <summary>
    /// Writes a tree of dictionaries, lists, texts and flags. Texts are in quotes: none is taken for a number, a date or a flag.
    /// </summary>
    public static string Write(IReadOnlyDictionary<string, object> root) => Write((YamlMappingNode)NodeOf(root));

    private static YamlNode NodeOf(object value) =>
        value switch
        {
            bool flag => new YamlScalarNode(flag ? "true" : "false"),
            string text => Text(text),
            IReadOnlyDictionary<string, object> members => new YamlMappingNode(
                members.Select(member => KeyValuePair.Create<YamlNode, YamlNode>(member.Key, NodeOf(member.Value)))
            ),
            IEnumerable<object> items => new YamlSequenceNode(items.Select(NodeOf)),
            _ => throw new ArgumentException($"A {value.GetType().Name} has no YAML form here.", nameof(value)),
        };

    private static YamlScalarNode Text(string text) => new(text) { Style = ScalarStyle.DoubleQuoted };

    private static string Write(YamlMappingNode root)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        new YamlStream(new YamlDocument(root)).Save(writer, assignAnchors: false);
        string text = writer.ToString();
        // The mark at the document's end says nothing more.
        return text.EndsWith("...\n", StringComparison.Ordinal) ? text[..^4] : text;
    }

    private static YamlMistake At(Mark mark, string reason) => new((int)mark.Line, (int)mark.Column, reason);
}

/// <summary>A mistake in YAML; line and column are counted from 1.</summary>
internal sealed record YamlMistake(int Line, int Column, string Reason);
