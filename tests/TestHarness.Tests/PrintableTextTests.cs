using System.Xml;
using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests;

/// <summary>What a guest writes can't act on who reads it.</summary>
public sealed class PrintableTextTests
{
    public static TheoryData<string, string> Shown =>
        new()
        {
            { "plain text,\ttabs\nand lines", "plain text,\ttabs\nand lines" },
            { "grüße € 🐧", "grüße € 🐧" },
            { "\u001b[31mred\u001b[0m", @"\x1b[31mred\x1b[0m" },
            { "\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\", @"\x1b]8;;http://evil\x1b\link\x1b]8;;\x1b\" },
            { "\u001b]52;c;cm0gLXJm\u0007", @"\x1b]52;c;cm0gLXJm\x07" },
            { "\u009b2J and \u009d52;c;x\u009c", @"\x9b2J and \x9d52;c;x\x9c" },
            { "passed\rfailed", @"passed\x0dfailed" },
            { "a\r\nb\r\n", "a\nb\n" },
            { "\r\n\r\rtiny login: ", "\ntiny login: " },
            { "\0 \b \v \f \u007f \u0085", @"\x00 \x08 \x0b \x0c \x7f \x85" },
            { "lone \ud83d and \udc27.", "lone \ufffd and \ufffd." },
            { "\u202egpj.exe\u202c \u2066x\u2069 \u200f\u061c", @"\u202egpj.exe\u202c \u2066x\u2069 \u200f\u061c" },
            { "a\u2028b\u2029c \ufffe\uffff", @"a\u2028b\u2029c \ufffe\uffff" },
            { "::set-env name=PATH::x", @"\::set-env name=PATH::x" },
            { "ok\n \t\u00a0::error::x", "ok\n \t\u00a0\\::error::x" },
            { "std::string at a::b", "std::string at a::b" },
            { "##vso[task.setvariable variable=x]y", @"#\#vso[task.setvariable variable=x]y" },
            { "in a line ##VSO[x] ##[error]x", @"in a line #\#VSO[x] #\#[error]x" },
            { "##teamcity[testFailed name='x']", @"#\#teamcity[testFailed name='x']" },
            { "###[x] ## heading #[x", @"##\#[x] ## heading #[x" },
        };

    [Theory, MemberData(nameof(Shown))]
    public void Shows_what_would_act(string text, string expected) => PrintableText.Of(text).Should().Be(expected);

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m \u001b[1;38:5:9mbold\u001b(B\u001b[m \u009b4mline", "red bold line")]
    [InlineData("\u001b[2J\u001b[3\u001b[0m1mx", @"\x1b[2J\x1b[31mx")]
    [InlineData("#\u001b[0m#[error]x\n\u001b[0m::error::y", "#\\#[error]x\n\\::error::y")]
    public void Leaves_colours_out_for_messages(string text, string expected) => PrintableText.WithoutColours(text).Should().Be(expected);

    [Fact]
    public void Leaves_nothing_that_acts_in_any_text_and_changes_it_once_only()
    {
        // What matters is rare among random characters, so most of them are of that kind.
        Gen<string> texts = Gen.Elements(
                "::",
                ":",
                "#",
                "[",
                "vso[",
                "##vso[",
                "##teamcity[",
                "\u001b",
                "\r",
                "\n",
                "\r\n",
                " ",
                "\t",
                "\0",
                "\u0007",
                "\u009b",
                "\u202e",
                "\ud83d",
                "\udc27",
                "\ufffe",
                "\u2028",
                "\\",
                "x"
            )
            .ListOf()
            .Select(string.Concat);

        Prop.ForAll(texts.ToArbitrary(), text =>
            {
                string printable = PrintableText.Of(text);
                return printable.All(character =>
                        character is '\n' or '\t' || (!char.IsControl(character) && character is not ('\u202e' or '\u2028'))
                    )
                    && printable
                        .Split('\n')
                        .All(line =>
                            !line.TrimStart().StartsWith("::", StringComparison.Ordinal)
                            && !line.Contains("##vso[", StringComparison.Ordinal)
                            && !line.Contains("##[", StringComparison.Ordinal)
                            && !line.Contains("##teamcity[", StringComparison.Ordinal)
                        )
                    && XmlConvert.VerifyXmlChars(printable) == printable
                    && PrintableText.Of(printable) == printable;
            })
            .QuickCheckThrowOnFailure();
    }
}
