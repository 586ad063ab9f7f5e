using System.Globalization;
using FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Screens;

public sealed class KeyboardLayoutTests
{
    // QEMU's own tables of the same layouts (made from X's), which come with the package that QEMU needs.
    private const string QemuKeymaps = "/usr/share/qemu/keymaps";

    // X's names of what is not a letter or digit.
    private static readonly Dictionary<string, char> Symbols = new(StringComparer.Ordinal)
    {
        ["space"] = ' ',
        ["exclam"] = '!',
        ["quotedbl"] = '"',
        ["numbersign"] = '#',
        ["dollar"] = '$',
        ["percent"] = '%',
        ["ampersand"] = '&',
        ["apostrophe"] = '\'',
        ["parenleft"] = '(',
        ["parenright"] = ')',
        ["asterisk"] = '*',
        ["plus"] = '+',
        ["comma"] = ',',
        ["minus"] = '-',
        ["period"] = '.',
        ["slash"] = '/',
        ["colon"] = ':',
        ["semicolon"] = ';',
        ["less"] = '<',
        ["equal"] = '=',
        ["greater"] = '>',
        ["question"] = '?',
        ["at"] = '@',
        ["bracketleft"] = '[',
        ["backslash"] = '\\',
        ["bracketright"] = ']',
        ["asciicircum"] = '^',
        ["underscore"] = '_',
        ["grave"] = '`',
        ["braceleft"] = '{',
        ["bar"] = '|',
        ["braceright"] = '}',
        ["asciitilde"] = '~',
    };

    public static TheoryData<string> Names => [.. KeyboardLayout.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Types_every_printable_ASCII_character_and_Enter_and_Tab(string name)
    {
        var layout = KeyboardLayout.Of(name);

        string missing = string.Concat(
            Enumerable
                .Range(' ', '~' - ' ' + 1)
                .Select(code => (char)code)
                .Append('\n')
                .Append('\t')
                .Where(character => layout.Find(character) is null)
        );

        missing.Should().BeEmpty();
    }

    [Theory]
    [InlineData("us", "en-us")]
    [InlineData("gb", "en-gb")]
    [InlineData("de-nodeadkeys", "de")]
    [InlineData("fr", "fr")]
    public void Has_the_characters_where_QEMU_has_them(string name, string keymap)
    {
        var layout = KeyboardLayout.Of(name);
        HashSet<string> known = [.. ReadKeymap(Path.Combine(QemuKeymaps, keymap))];

        string[] wrong =
        [
            .. Enumerable
                .Range(' ', '~' - ' ' + 1)
                .Select(code => (char)code)
                .Where(character =>
                    layout.Find(character) is [var stroke] && !known.Contains($"{character} {string.Join('-', stroke.Keys)}")
                )
                .Select(character => character.ToString()),
        ];

        wrong.Should().BeEmpty();
    }

    [Theory]
    [InlineData("us", 'Q', "shift-q")]
    [InlineData("de", 'z', "y")]
    [InlineData("de", '@', "alt_r-q")]
    [InlineData("de", '^', "grave_accent spc")]
    [InlineData("de", 'é', "equal e")]
    [InlineData("de-nodeadkeys", '^', "grave_accent")]
    [InlineData("fr", 'a', "q")]
    [InlineData("fr", '1', "shift-1")]
    [InlineData("fr", 'ê', "bracket_left e")]
    [InlineData("gb", '£', "shift-3")]
    public void Presses_these_keys(string name, char character, string keys) =>
        string.Join(' ', KeyboardLayout.Of(name).Find(character)!.Select(stroke => string.Join('-', stroke.Keys))).Should().Be(keys);

    [Fact]
    public void A_character_without_a_key_is_named_with_the_layouts_that_have_it() =>
        FluentActions
            .Invoking(() => KeyboardLayout.Of("us").Spell("Straße"))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage(
                "The keyboard layout 'us' can't type 'ß' (U+00DF), character 5 of the text. Nothing was typed. Try: layouts that "
                    + "have it: de, de-nodeadkeys.*"
            );

    [Fact]
    public void A_character_that_no_layout_has_is_named_whole() =>
        FluentActions
            .Invoking(() => KeyboardLayout.Of("de").Spell("ok 😀"))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*'😀' (U+1F600), character 4*no layout has it*");

    [Fact]
    public void A_layout_that_is_not_there_is_refused_with_those_that_are() =>
        FluentActions
            .Invoking(() => KeyboardLayout.Of("xx"))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*'xx'*de, de-nodeadkeys, fr, gb, us*");

    [Theory]
    [InlineData("enter", "ret")]
    [InlineData("ctrl-alt-f2", "ctrl-alt-f2")]
    [InlineData("Ctrl+Alt+Del", "ctrl-alt-delete")]
    [InlineData("down down enter", "down down ret")]
    [InlineData("ctrl-z", "ctrl-y")]
    [InlineData("ctrl--", "ctrl-slash")]
    [InlineData("shift-A", "shift-a")]
    public void Reads_names_of_keys_by_the_layout(string keys, string expected) =>
        string.Join(' ', KeyNames.Parse(keys, KeyboardLayout.Of("de")).Select(stroke => string.Join('-', stroke.Keys)))
            .Should()
            .Be(expected);

    [Theory]
    [InlineData("ctrl-")]
    [InlineData("contrl-x")]
    [InlineData(" ")]
    public void Refuses_what_is_no_key(string keys) =>
        FluentActions.Invoking(() => KeyNames.Parse(keys, KeyboardLayout.Of("us"))).Should().Throw<ArgumentException>();

    // "# evdev 2 (0x2), QKeyCode "1", number 0x2", then lines such as "exclam 0x02 shift".
    private static IEnumerable<string> ReadKeymap(string path)
    {
        string key = "";
        foreach (string line in File.ReadLines(path))
        {
            if (line.StartsWith("# evdev", StringComparison.Ordinal) && line.Split('"') is [_, var name, _])
                key = name;
            if (
                line.StartsWith('#')
                || line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var symbol, var code, .. var held]
                || !code.StartsWith("0x", StringComparison.Ordinal)
            )
                continue;
            char? character =
                Symbols.TryGetValue(symbol, out char known) ? known
                : symbol.Length == 1 ? symbol[0]
                : null;
            string modifiers = string.Concat(held.Select(modifier => modifier == "altgr" ? "alt_r-" : $"{modifier}-"));
            if (character is not null)
                yield return string.Create(CultureInfo.InvariantCulture, $"{character} {modifiers}{key}");
        }
    }
}
