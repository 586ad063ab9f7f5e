using System.Text;
using System.Text.RegularExpressions;

namespace TestHarness.Consoles;

/// <summary>Makes the two kinds of search.</summary>
internal static class SerialSearch
{
    // How far back a pattern's match may begin in text that was searched before the rest of the match came.
    private const int PatternOverlap = 64 * 1024;

    public static SerialSearch<string> For(SerialLog log, string text)
    {
        return new SerialSearch<string>(log, Encoding.UTF8.GetByteCount(text) - 1, Find);

        SerialSearch<string>.Found? Find(ReadOnlySpan<char> written, int from) =>
            written[from..].IndexOf(text) is var at and >= 0 ? new(from + at, from + at + text.Length, text) : null;
    }

    public static SerialSearch<ConsoleMatch> ForAny(SerialLog log, IReadOnlyList<string> texts)
    {
        return new SerialSearch<ConsoleMatch>(log, texts.Max(Encoding.UTF8.GetByteCount) - 1, Find);

        SerialSearch<ConsoleMatch>.Found? Find(ReadOnlySpan<char> written, int from)
        {
            SerialSearch<ConsoleMatch>.Found? first = null;
            for (int i = 0; i < texts.Count; i++)
            {
                int at = written[from..].IndexOf(texts[i]) + from;
                if (at >= from && (first is null || at < first.Value.Start))
                    first = new(at, at + texts[i].Length, new ConsoleMatch(i, texts[i]));
            }

            return first;
        }
    }

    public static SerialSearch<ConsoleMatch> ForAny(SerialLog log, IReadOnlyList<Regex> patterns)
    {
        return new SerialSearch<ConsoleMatch>(log, PatternOverlap, Find);

        SerialSearch<ConsoleMatch>.Found? Find(ReadOnlySpan<char> written, int from)
        {
            SerialSearch<ConsoleMatch>.Found? first = null;
            for (int i = 0; i < patterns.Count; i++)
            {
                if (
                    !patterns[i].IsMatch(written, from)
                    || patterns[i].Match(written.ToString(), from) is not { } match
                    || match.Index >= first?.Start
                )
                    continue;
                first = new(match.Index, match.Index + match.Length, new ConsoleMatch(i, match.Value));
            }

            return first;
        }
    }

    public static SerialSearch<Match> For(SerialLog log, Regex pattern)
    {
        return new SerialSearch<Match>(log, PatternOverlap, Find);

        SerialSearch<Match>.Found? Find(ReadOnlySpan<char> written, int from) =>
            pattern.IsMatch(written, from) && pattern.Match(written.ToString(), from) is var match
                ? new(match.Index, match.Index + match.Length, match)
                : null;
    }
}

/// <summary>
/// Looks for a text on the serial console, going on from where it stopped. What was searched in vain is not searched again, but for its
/// last bytes, where a match may have begun.
/// </summary>
/// <param name="log">The log.</param>
/// <param name="overlap">How many bytes of what was searched are searched again with what came after them.</param>
/// <param name="find">What is looked for.</param>
internal sealed class SerialSearch<T>(SerialLog log, int overlap, SerialSearch<T>.Finder find)
{
    // What anchors and look-behinds may see before the place where a match may begin.
    private const int Context = 4 * 1024;

    // Kept from one search to the next, for a search may be repeated with every byte that comes.
    private byte[] _window = [];
    private char[] _characters = [];

    // No match begins before here.
    private long _start;

    /// <summary>Finds the first match at or after an index.</summary>
    internal delegate Found? Finder(ReadOnlySpan<char> text, int start);

    /// <summary>
    /// Finds the first match in what the log has now; its place is in bytes since the log's first. Null: there is none yet.
    /// </summary>
    public (long Start, long End, T Value)? Next(long from)
    {
        _start = Math.Max(_start, from);
        while (true)
        {
            (long windowStart, int count, long next) = log.Read(_start, Context, ref _window);
            ReadOnlySpan<byte> window = _window.AsSpan(0, count);
            int start = (int)Math.Clamp(_start - windowStart, 0, window.Length);
            // The overlap may begin inside a character.
            while (start > 0 && start < window.Length && (window[start] & 0xC0) == 0x80)
                start--;
            if (Find(window, start) is { } found)
                return (windowStart + ByteIndex(window, found.Start), windowStart + ByteIndex(window, found.End), found.Value);
            long end = windowStart + window.Length;
            if (next == end)
            {
                _start = Math.Max(_start, end - overlap);
                return null;
            }

            // Behind what is dropped.
            _start = next;
        }
    }

    private Found? Find(ReadOnlySpan<byte> window, int start)
    {
        int most = Encoding.UTF8.GetMaxCharCount(window.Length);
        if (_characters.Length < most)
            _characters = new char[most];
        // A decoder keeps back a character that is not complete yet.
        int count = Encoding.UTF8.GetDecoder().GetChars(window, _characters, flush: false);
        return find(_characters.AsSpan(0, count), Math.Min(count, Encoding.UTF8.GetCharCount(window[..start])));
    }

    private static int ByteIndex(ReadOnlySpan<byte> bytes, int characters)
    {
        int index = 0;
        while (characters > 0)
        {
            Rune.DecodeFromUtf8(bytes[index..], out Rune rune, out int length);
            index += length;
            characters -= rune.Utf16SequenceLength;
        }

        return index;
    }

    /// <summary>A match, by its place in the text that was searched.</summary>
    internal readonly record struct Found(int Start, int End, T Value);
}
