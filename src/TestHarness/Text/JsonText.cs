using System.Text;
using System.Text.Json;

namespace TestHarness.Text;

/// <summary>Reads JSON that people write, with comments and commas at the end, and with the lines, which <see cref="JsonDocument"/> does
/// not keep.</summary>
internal static class JsonText
{
    private static readonly JsonReaderOptions Options = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads a text.</summary>
    /// <exception cref="FormatException">It is no JSON; the message says in which line.</exception>
    public static DataNode Parse(string text) => Parse(Encoding.UTF8.GetBytes(text));

    /// <summary>Reads a text in UTF-8.</summary>
    /// <exception cref="FormatException">It is no JSON; the message says in which line.</exception>
    public static DataNode Parse(ReadOnlyMemory<byte> utf8)
    {
        byte[] bytes = utf8.ToArray();
        var reader = new Utf8JsonReader(bytes, Options);
        var lines = new LineCount(bytes);
        try
        {
            reader.Read();
            DataNode root = ReadValue(ref reader, lines);
            // Anything behind it is a mistake.
            reader.Read();
            return root;
        }
        catch (JsonException e)
        {
            string words = e.Message.Split(" LineNumber:")[0];
            throw new FormatException(FormattableString.Invariant($"line {(e.LineNumber ?? 0) + 1}: {words}"), e);
        }
    }

    private static DataNode ReadValue(ref Utf8JsonReader reader, LineCount lines)
    {
        int line = lines.At(reader.TokenStartIndex);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var members = new List<DataMember>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    string name = reader.GetString()!;
                    int at = lines.At(reader.TokenStartIndex);
                    reader.Read();
                    members.Add(new DataMember(name, ReadValue(ref reader, lines), at));
                }

                return new DataMap(members, line);
            case JsonTokenType.StartArray:
                var items = new List<DataNode>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    items.Add(ReadValue(ref reader, lines));
                return new DataList(items, line);
            case JsonTokenType.String:
                return new DataScalar(reader.GetString()!, IsQuoted: true, line);
            default:
                return new DataScalar(Encoding.UTF8.GetString(reader.ValueSpan), IsQuoted: false, line);
        }
    }

    // Positions are asked for in rising order.
    private sealed class LineCount(byte[] bytes)
    {
        private int _line = 1;
        private int _position;

        public int At(long position)
        {
            for (; _position < position; _position++)
                _line += bytes[_position] == '\n' ? 1 : 0;
            return _line;
        }
    }
}
