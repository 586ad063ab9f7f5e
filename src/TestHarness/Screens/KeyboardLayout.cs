using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using TestHarness.Text;

namespace TestHarness.Screens;

/// <summary>Which keys make which character: the table of a layout as <c>Layouts/*.txt</c> has it.</summary>
internal sealed class KeyboardLayout
{
    private const string Folder = "layouts/";
    private const string Dead = "dead:";

    private static readonly string[][] Columns =
    [
        [],
        ["shift"],
        ["alt_r"],
    ];

    private static readonly ConcurrentDictionary<string, KeyboardLayout> Loaded = new(StringComparer.Ordinal);

    // What becomes of a letter after a dead key. Not Unicode's composition: .NET has that only where the host has ICU.
    private static readonly Dictionary<char, string> Composed = new()
    {
        ['^'] = "aâeêiîoôuûAÂEÊIÎOÔUÛ",
        ['´'] = "aáeéiíoóuúyýAÁEÉIÍOÓUÚYÝ",
        ['`'] = "aàeèiìoòuùAÀEÈIÌOÒUÙ",
        ['¨'] = "aäeëiïoöuüyÿAÄEËIÏOÖUÜ",
    };

    private readonly Dictionary<char, IReadOnlyList<KeyStroke>> _strokes = new()
    {
        ['\n'] = [new KeyStroke(["ret"])],
        ['\t'] = [new KeyStroke(["tab"])],
        ['\b'] = [new KeyStroke(["backspace"])],
        ['\x1b'] = [new KeyStroke(["esc"])],
    };

    private KeyboardLayout(string name, TextReader table)
    {
        Name = name;
        var dead = new Dictionary<char, KeyStroke>();
        while (table.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
                AddKey(line.Split(' '), dead);
        }

        // What is only on a dead key: the key, and a space. A character that has a key of its own is there already.
        foreach ((char accent, KeyStroke key) in dead)
        {
            _strokes.TryAdd(accent, [key, .. _strokes[' ']]);
            foreach (char[] pair in Composed[accent].Chunk(2))
                _strokes.TryAdd(pair[1], [key, .. _strokes[pair[0]]]);
        }
    }

    /// <summary>The layouts that there are.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(KeyboardLayout)
            .Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .Select(name => name[Folder.Length..])
            .Order(StringComparer.Ordinal),
    ];

    public string Name { get; }

    /// <summary>Returns a layout.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static KeyboardLayout Of(string name)
    {
        if (!Names.Contains(name))
            throw new ArgumentException(
                $"There is no keyboard layout '{PrintableText.Of(name)}': there are {string.Join(", ", Names)}.",
                nameof(name)
            );
        return Loaded.GetOrAdd(name, static name =>
        {
            using var table = new StreamReader(typeof(KeyboardLayout).Assembly.GetManifestResourceStream(Folder + name)!);
            return new KeyboardLayout(name, table);
        });
    }

    /// <summary>The strokes that make a character, or <see langword="null"/> where there are none.</summary>
    public IReadOnlyList<KeyStroke>? Find(char character) => _strokes.GetValueOrDefault(character);

    /// <summary>The strokes that make a text, one list for each character.</summary>
    /// <exception cref="ArgumentException">The layout lacks a character.</exception>
    public IReadOnlyList<IReadOnlyList<KeyStroke>> Spell(string text)
    {
        text = text.ReplaceLineEndings("\n");
        var spelt = new List<IReadOnlyList<KeyStroke>>(text.Length);
        for (int at = 0; at < text.Length; at++)
            spelt.Add(Find(text[at]) ?? throw Untypable(text, at));
        return spelt;
    }

    private void AddKey(string[] words, Dictionary<char, KeyStroke> dead)
    {
        for (int column = 0; column < words.Length - 1; column++)
        {
            var stroke = new KeyStroke([.. Columns[column], words[0]]);
            string word = words[column + 1] == "space" ? " " : words[column + 1];
            if (word.StartsWith(Dead, StringComparison.Ordinal))
                dead.TryAdd(word[^1], stroke);
            else if (
                word.Length == 1
                && (!_strokes.TryGetValue(word[0], out IReadOnlyList<KeyStroke>? known) || known[0].Keys.Count > stroke.Keys.Count)
            )
                _strokes[word[0]] = [stroke];
        }
    }

    private ArgumentException Untypable(string text, int at)
    {
        string character = Rune.TryGetRuneAt(text, at, out Rune rune) ? rune.ToString() : text[at].ToString();
        int number = rune.Value != 0 ? rune.Value : text[at];
        string[] others = [.. Names.Where(name => Of(name).Find(text[at]) is not null)];
        string remedy =
            others.Length > 0
                ? $"layouts that have it: {string.Join(", ", others)}"
                : "no layout has it; write it with vm.Files or vm.Shell";
        return new ArgumentException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"The keyboard layout '{Name}' can't type '{PrintableText.Of(character)}' (U+{number:X4}), character {at + 1} of "
                    + $"the text. Nothing was typed. Try: {remedy}."
            ),
            nameof(text)
        );
    }
}
