using TestHarness.Text;

namespace TestHarness.Screens;

/// <summary>
/// What people call keys, and what QEMU calls them (QKeyCode in https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html).
/// </summary>
internal static class KeyNames
{
    private static readonly char[] Joints = ['-', '+'];

    private static readonly Dictionary<string, string> Keys = new(StringComparer.OrdinalIgnoreCase)
    {
        ["ctrl"] = "ctrl",
        ["control"] = "ctrl",
        ["shift"] = "shift",
        ["alt"] = "alt",
        ["altgr"] = "alt_r",
        ["super"] = "meta_l",
        ["win"] = "meta_l",
        ["meta"] = "meta_l",
        ["enter"] = "ret",
        ["return"] = "ret",
        ["ret"] = "ret",
        ["tab"] = "tab",
        ["space"] = "spc",
        ["backspace"] = "backspace",
        ["esc"] = "esc",
        ["escape"] = "esc",
        ["up"] = "up",
        ["down"] = "down",
        ["left"] = "left",
        ["right"] = "right",
        ["home"] = "home",
        ["end"] = "end",
        ["pgup"] = "pgup",
        ["pageup"] = "pgup",
        ["pgdn"] = "pgdn",
        ["pagedown"] = "pgdn",
        ["insert"] = "insert",
        ["ins"] = "insert",
        ["delete"] = "delete",
        ["del"] = "delete",
        ["capslock"] = "caps_lock",
        ["numlock"] = "num_lock",
        ["scrolllock"] = "scroll_lock",
        ["print"] = "print",
        ["sysrq"] = "sysrq",
        ["pause"] = "pause",
        ["menu"] = "menu",
        ["minus"] = "minus",
        ["plus"] = "equal",
        ["f1"] = "f1",
        ["f2"] = "f2",
        ["f3"] = "f3",
        ["f4"] = "f4",
        ["f5"] = "f5",
        ["f6"] = "f6",
        ["f7"] = "f7",
        ["f8"] = "f8",
        ["f9"] = "f9",
        ["f10"] = "f10",
        ["f11"] = "f11",
        ["f12"] = "f12",
    };

    /// <summary>Reads keys: strokes with spaces between them, each of keys joined by <c>-</c> or <c>+</c>.</summary>
    /// <exception cref="ArgumentException">There is no such key.</exception>
    public static IReadOnlyList<KeyStroke> Parse(string keys, KeyboardLayout layout)
    {
        KeyStroke[] strokes =
        [
            .. keys.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => ParseStroke(word, keys, layout)),
        ];
        return strokes.Length > 0 ? strokes : throw new ArgumentException("No key is named.", nameof(keys));
    }

    private static KeyStroke ParseStroke(string word, string keys, KeyboardLayout layout)
    {
        var held = new List<string>();
        for (int at = 0; at < word.Length; )
        {
            // A joint where a key should be is that key: "ctrl--" is Ctrl and minus.
            int end = word.IndexOfAny(Joints, at + 1);
            string name = word[at..(end < 0 ? word.Length : end)];
            held.AddRange(Find(name, keys, layout).Where(key => !held.Contains(key)));
            at = end < 0 ? word.Length : end + 1;
            if (end >= 0 && at == word.Length)
                throw Unknown("", keys);
        }

        return new KeyStroke(held);
    }

    private static IEnumerable<string> Find(string name, string keys, KeyboardLayout layout)
    {
        if (Keys.TryGetValue(name, out string? key))
            return [key];
        // A character is the key that has it in this layout, with what must be held for it.
        if (name.Length == 1 && layout.Find(name[0]) is [var stroke])
            return stroke.Keys;
        throw Unknown(name, keys);
    }

    private static ArgumentException Unknown(string name, string keys) =>
        new(
            $"'{PrintableText.Of(name)}' in '{PrintableText.Of(keys)}' is no key: it is a character that is on a key of the "
                + $"layout, or one of {string.Join(", ", Keys.Keys)}. "
                + "Keys that are held together are joined by '-', strokes one after the other have a space between them.",
            nameof(keys)
        );
}
