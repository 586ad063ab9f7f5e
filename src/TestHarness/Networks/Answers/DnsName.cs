using System.Text;

namespace TestHarness.Networks.Answers;

/// <summary>A name as DNS writes it: each label with its length before it, and an empty one at the end (RFC 1035, 3.1).</summary>
internal static class DnsName
{
    private const int LongestLabel = 63;
    private const int Longest = 255;

    public static byte[] Write(string name) =>
        [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0];

    /// <summary>Reads the name that bytes begin with. Returns how many bytes it has, or 0 where it is none.</summary>
    /// <param name="bytes">The bytes. Nothing is before them that the name could refer to.</param>
    /// <param name="name">The name, with dots; of one that no machine can have, something that no machine can have.</param>
    public static int Read(ReadOnlySpan<byte> bytes, out string name)
    {
        var text = new StringBuilder();
        name = "";
        for (int at = 0; at < Math.Min(bytes.Length, Longest); at += 1 + bytes[at])
        {
            if (bytes[at] == 0)
            {
                name = text.ToString();
                return at + 1;
            }

            if (bytes[at] > LongestLabel || at + 1 + bytes[at] > bytes.Length)
                return 0;
            if (text.Length > 0)
                text.Append('.');
            text.Append(Encoding.Latin1.GetString(bytes.Slice(at + 1, bytes[at])).Replace('.', '\0'));
        }

        return 0;
    }
}
