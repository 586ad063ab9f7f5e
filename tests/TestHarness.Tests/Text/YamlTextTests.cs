using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

public sealed class YamlTextTests
{
    [Theory]
    [InlineData("packages:\n  - x\n y: 2\n", 3, 2)]
    [InlineData("a: 'x", 1, 4)]
    [InlineData("a: [1,\nb: 2\n", 2, 1)]
    [InlineData("a: @x\n", 1, 4)]
    [InlineData("a: 1\na: 2\n", 2, 1)]
    [InlineData("a: 1\n---\nb: 2\n", 3, 1)]
    [InlineData("- a\n- b\n", 1, 1)]
    public void Finds_where_the_mistake_is(string text, int line, int column)
    {
        YamlMistake mistake = YamlText.FindMistake(text)!;

        (mistake.Line, mistake.Column).Should().Be((line, column));
        mistake.Reason.Should().NotBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("#cloud-config\nruncmd:\n- [ls, -l]\n- |\n  echo a\n")]
    public void Finds_nothing_in_a_mapping_or_in_nothing(string text) => YamlText.FindMistake(text).Should().BeNull();

    [Fact]
    public void Writes_texts_that_no_reader_takes_for_something_else() =>
        YamlText
            .Write(
                new Dictionary<string, object>
                {
                    ["mode"] = "0644",
                    ["flag"] = true,
                    ["list"] = new List<string> { "yes", "~", "a: b # c" },
                    ["lines"] = "a\n\tb\r\n",
                }
            )
            .Should()
            .Be("mode: \"0644\"\nflag: true\nlist:\n- \"yes\"\n- \"~\"\n- \"a: b # c\"\nlines: \"a\\n\tb\\r\\n\"\n");

    [Fact]
    public void Writes_any_text_as_valid_YAML() =>
        Check.QuickThrowOnFailure(
            Prop.ForAll<NonNull<string>>(text =>
                YamlText.FindMistake(
                    YamlText.Write(new Dictionary<string, object> { ["text"] = string.Concat(text.Get.Where(c => !char.IsSurrogate(c))) })
                )
                    is null
            )
        );

    [Theory]
    [InlineData("", "id: \"x\"\n")]
    [InlineData("id: mine\n", "id: mine\n")]
    [InlineData("{ 'name': 01 }", "{'name': 01, id: \"x\"}\n")]
    public void Adds_a_member_that_is_missing(string text, string expected) => YamlText.AddMissing(text, "id", "x").Should().Be(expected);
}
