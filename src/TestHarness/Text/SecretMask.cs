using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace TestHarness.Text;

/// <summary>
/// Puts <c>***</c> in place of secrets in texts that people and CI get to see. Of a secret of several lines each line that is long enough
/// is one of its own, and where a text was cut, what is left of a secret there is masked, too. Pure.
/// </summary>
internal sealed partial class SecretMask
{
    public const string Mask = "***";

    /// <summary>
    /// How long a line of a secret is at least that is masked by itself: a shorter one says little, and stands in many a text.
    /// </summary>
    public const int ShortestLine = 4;

    // From here on a line is found within a word, too.
    private const int ShortestPart = 8;

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // As it is, in JSON, in JSON of a program on Windows, on a terminal.
    private static readonly string[] LineEnds = ["\n", "\\n", "\\r\\n", "\r\n"];

    private readonly string[] _whole;
    private readonly string[] _lines;

    /// <summary>Makes the mask of some secrets, none of them empty. Line ends around a secret don't belong to it.</summary>
    public SecretMask(IEnumerable<string> secrets)
    {
        string[][] all =
        [
            .. secrets.Select(secret => secret.ReplaceLineEndings("\n").Trim('\n').Split('\n')).Where(lines => lines is not [""]),
        ];
        _whole = [.. all.SelectMany(WholeForms).Distinct(StringComparer.Ordinal)];
        _lines =
        [
            .. all.Where(lines => lines.Length > 1)
                .SelectMany(lines => lines)
                .SelectMany(line => Forms(line.Trim()))
                .Where(form => form.Length >= ShortestLine)
                .Distinct(StringComparer.Ordinal),
        ];
        Longest = _whole.Select(form => form.Length).DefaultIfEmpty().Max();
    }

    public static SecretMask None { get; } = new([]);

    /// <summary>The length of the longest form of a secret, in characters; 0 where there are no secrets.</summary>
    public int Longest { get; }

    /// <summary>Masks a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">What is before it helps to find secrets, and is left out.</param>
    /// <param name="beginsCut">Whether the text begins anywhere, so that the end of a secret may stand there.</param>
    /// <param name="endsCut">Whether the text ends anywhere, so that the beginning of a secret may stand there.</param>
    /// <param name="shortestBeginning">How long such a beginning is at least. One that is shorter says little, and stands at the end of
    /// many a text.</param>
    public string Apply(string text, int start = 0, bool beginsCut = false, bool endsCut = false, int shortestBeginning = ShortestLine)
    {
        if (_whole.Length == 0)
            return text[start..];
        var found = new List<(int From, int To)>();
        int from = 0;
        // What a bounded log has dropped may have been the rest of a secret.
        foreach (ValueMatch dropped in Dropped().EnumerateMatches(text))
        {
            Find(text, from, dropped.Index, from > 0 || beginsCut, shortestBeginning: 1, found);
            from = dropped.Index + dropped.Length;
        }

        Find(text, from, text.Length, from > 0 || beginsCut, endsCut ? shortestBeginning : int.MaxValue, found);
        return MaskedText.Of(text, start, found);
    }

    private void Find(string all, int from, int to, bool beginsCut, int shortestBeginning, List<(int From, int To)> found)
    {
        ReadOnlySpan<char> text = all.AsSpan(from, to - from);
        foreach (string form in _whole)
        {
            AddAll(text, form, from, withinWords: true, found);
            if (beginsCut && EndAtBeginning(text, form) is > 0 and var end)
                found.Add((from, from + end));
            if (shortestBeginning < int.MaxValue && BeginningAtEnd(text, form) is var begins && begins >= shortestBeginning)
                found.Add((to - begins, to));
        }

        foreach (string form in _lines)
            AddAll(text, form, from, form.Length >= ShortestPart, found);
    }

    private static void AddAll(ReadOnlySpan<char> text, string form, int offset, bool withinWords, List<(int From, int To)> found)
    {
        int at = 0;
        while (text[at..].IndexOf(form, StringComparison.Ordinal) is >= 0 and var next)
        {
            at += next;
            int end = at + form.Length;
            bool isWord = (at == 0 || !char.IsLetterOrDigit(text[at - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end]));
            if (withinWords || isWord)
                found.Add((offset + at, offset + end));
            at++;
        }
    }

    // How many characters of the text's beginning are the end of a secret. Half a character of a cut text is none.
    private static int EndAtBeginning(ReadOnlySpan<char> text, string form)
    {
        ReadOnlySpan<char> rest = text.TrimStart('\ufffd');
        for (int at = 1; !rest.IsEmpty && at < form.Length; at++)
        {
            if (form[at] == rest[0] && rest.StartsWith(form.AsSpan(at), StringComparison.Ordinal))
                return text.Length - rest.Length + form.Length - at;
        }

        return 0;
    }

    // How many characters of the text's end are the beginning of a secret.
    private static int BeginningAtEnd(ReadOnlySpan<char> text, string form)
    {
        ReadOnlySpan<char> rest = text.TrimEnd('\ufffd');
        for (int at = Math.Max(0, rest.Length - form.Length + 1); at < rest.Length; at++)
        {
            int next = rest[at..].IndexOf(form[0]);
            if (next < 0)
                return 0;
            at += next;
            if (form.AsSpan().StartsWith(rest[at..], StringComparison.Ordinal))
                return text.Length - at;
        }

        return 0;
    }

    private static IEnumerable<string> WholeForms(string[] lines)
    {
        string[][] forms = [.. lines.Select(line => Forms(line).ToArray())];
        foreach (string lineEnd in lines.Length > 1 ? LineEnds : [""])
        {
            for (int form = 0; form < forms[0].Length; form++)
                yield return string.Join(lineEnd, forms.Select(line => line[form]));
        }
    }

    // As it is, as it stands between quotes for a shell, in JSON, in an option of QEMU's, and as messages show it.
    private static IEnumerable<string> Forms(string line)
    {
        string relaxed = JsonSerializer.Serialize(line, Relaxed)[1..^1];
        foreach (
            string form in (string[])
                [
                    line,
                    relaxed,
                    JsonSerializer.Serialize(line)[1..^1],
                    line.Replace(",", ",,", StringComparison.Ordinal),
                    PrintableText.Of(line),
                ]
        )
        {
            yield return form;
            yield return form.Replace("'", "'\\''", StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("\n\\[… [0-9]+ bytes dropped …\\]\n")]
    private static partial Regex Dropped();
}
