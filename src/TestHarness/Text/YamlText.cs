using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace TestHarness.Text;

/// <summary>Checks, reads and writes YAML. The only place that knows YamlDotNet.</summary>
internal static class YamlText
{
    private const int Deepest = 64;
    private const int MostNodes = 100_000;

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

    /// <summary>Reads a text of one document. Anchors may be used; what their aliases repeat is bounded.</summary>
    /// <exception cref="FormatException">It is no YAML; the message says in which line.</exception>
    public static DataNode Parse(string text)
    {
        if (FindDeep(text) is { } deep)
            throw new FormatException(FormattableString.Invariant($"line {deep}: more than {Deepest} levels"));
        if (FindMistake(text) is { } mistake)
            throw new FormatException(FormattableString.Invariant($"line {mistake.Line}: {mistake.Reason}"));
        var parser = new Parser(new StringReader(text));
        parser.Consume<StreamStart>();
        if (parser.TryConsume<StreamEnd>(out _))
            return new DataMap([], 1);
        parser.Consume<DocumentStart>();
        return ReadNode(parser, new Dictionary<AnchorName, DataNode>());
    }

    // By events alone: all else in YamlDotNet calls itself once a level.
    private static long? FindDeep(string text)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            for (int depth = 0; parser.MoveNext(); )
            {
                depth += parser.Current!.NestingIncrease;
                if (depth > Deepest)
                    return parser.Current.Start.Line;
            }
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException)
        {
            // Told with its place by who looks for mistakes.
        }

        return null;
    }

    private static DataNode ReadNode(Parser parser, Dictionary<AnchorName, DataNode> anchors)
    {
        int line = (int)parser.Current!.Start.Line;
        DataNode node;
        if (parser.TryConsume<AnchorAlias>(out AnchorAlias? alias))
            return anchors.GetValueOrDefault(alias.Value)
                ?? throw new FormatException(FormattableString.Invariant($"line {line}: *{alias.Value} stands for what is not whole yet"));
        AnchorName anchor = parser.Current is NodeEvent named ? named.Anchor : AnchorName.Empty;
        if (parser.TryConsume<Scalar>(out Scalar? scalar))
        {
            node = new DataScalar(scalar.Value, scalar.Style != ScalarStyle.Plain || scalar.Tag == "tag:yaml.org,2002:str", line);
        }
        else if (parser.TryConsume<SequenceStart>(out _))
        {
            var items = new List<DataNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(ReadNode(parser, anchors));
            node = new DataList(items, line);
        }
        else
        {
            parser.Consume<MappingStart>();
            var members = new List<DataMember>();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                int at = (int)parser.Current!.Start.Line;
                if (ReadNode(parser, anchors) is not DataScalar { Text: var name })
                    throw new FormatException(FormattableString.Invariant($"line {at}: a member's name is a text"));
                members.Add(new DataMember(name, ReadNode(parser, anchors), at));
            }

            node = new DataMap(members, line);
        }

        if (node.Count > MostNodes)
            throw new FormatException(
                FormattableString.Invariant($"line {line}: more than {MostNodes} values, with what its aliases repeat")
            );
        if (!anchor.IsEmpty)
            anchors[anchor] = node;
        return node;
    }

    /// <summary>
    /// Writes a tree of dictionaries, lists, texts, numbers and flags. Texts are in quotes, or a block of lines: none is taken for a
    /// number, a date or a flag.
    /// </summary>
    public static string Write(IReadOnlyDictionary<string, object> root) => Write((YamlMappingNode)NodeOf(root));

    private static YamlNode NodeOf(object value) =>
        value switch
        {
            bool flag => new YamlScalarNode(flag ? "true" : "false"),
            int number => new YamlScalarNode(number.ToString(CultureInfo.InvariantCulture)),
            string text => Text(text),
            IReadOnlyDictionary<string, object> members => new YamlMappingNode(
                members.Select(member => KeyValuePair.Create<YamlNode, YamlNode>(member.Key, NodeOf(member.Value)))
            ),
            IEnumerable<object> items => new YamlSequenceNode(items.Select(NodeOf)),
            _ => throw new ArgumentException($"A {value.GetType().Name} has no YAML form here.", nameof(value)),
        };

    private static YamlScalarNode Text(string text) => new(text) { Style = IsBlock(text) ? ScalarStyle.Literal : ScalarStyle.DoubleQuoted };

    // What a block shows as it is: lines with an end each, the first one not indented, nothing at a line's end that nobody sees.
    private static bool IsBlock(string text) =>
        text.EndsWith('\n')
        && text.IndexOf('\n', StringComparison.Ordinal) < text.Length - 1
        && text.All(character => character is '\n' or '\t' or (>= ' ' and <= '~'))
        && text[..^1].Split('\n') is [[not (' ' or '\t'), ..], ..] lines
        && Array.TrueForAll(lines, line => line is not [.., ' ' or '\t'])
        && lines[^1].Length > 0;

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
