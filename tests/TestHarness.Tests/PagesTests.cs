using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

/// <summary>The project's pages.</summary>
public sealed partial class PagesTests
{
    public static readonly string Root = FindRoot();
    private static readonly string[] Folders = ["docs", ".github"];

    public static TheoryData<string> All =>
        [
            "README.md",
            .. Folders
                .SelectMany(folder => Directory.GetFiles(Path.Combine(Root, folder), "*.md", SearchOption.AllDirectories))
                .Select(file => Path.GetRelativePath(Root, file)),
        ];

    public static string Read(string page) => File.ReadAllText(Path.Combine(Root, page));

    [Theory, MemberData(nameof(All))]
    public void Links_lead_somewhere(string page)
    {
        string folder = Path.GetDirectoryName(Path.Combine(Root, page))!;

        IEnumerable<string> broken = Link()
            .Matches(Read(page))
            .Select(match => match.Groups[1].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.GetFullPath(target.Split('#')[0], folder)));

        broken.Should().BeEmpty();
    }

    [Theory, MemberData(nameof(All))]
    public void Each_page_can_be_found_from_the_first_one(string page)
    {
        if (page != "README.md")
            File.ReadAllText(Path.Combine(Root, "README.md")).Should().Contain($"]({page})");
    }

    [Theory, MemberData(nameof(All))]
    public void Sentences_have_at_most_25_words(string page) =>
        Sentences(Read(page)).Where(sentence => Word().Count(sentence) > 25).Should().BeEmpty();

    [Fact]
    public void The_first_page_is_short() => File.ReadAllLines(Path.Combine(Root, "README.md")).Should().HaveCountLessThanOrEqualTo(200);

    [Fact]
    public void Each_environment_variable_is_on_its_page()
    {
        string source = File.ReadAllText(Path.Combine(Root, "src/TestHarness/Hosts/EnvironmentVariables.cs")),
            page = File.ReadAllText(Path.Combine(Root, "docs/environment.md"));

        Variable().Matches(source).Select(match => match.Value).Distinct().Should().OnlyContain(name => page.Contains(name));
    }

    // Inline code is one word. Of a link only its text counts.
    private static IEnumerable<string> Sentences(string page)
    {
        string prose = Link().Replace(Code().Replace(NotProse().Replace(page, "\n"), "code"), "");

        return Part().Split(prose).SelectMany(part => SentenceEnd().Split(part));
    }

    private static string FindRoot([CallerFilePath] string me = "") => Path.GetFullPath("../..", Path.GetDirectoryName(me)!);

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    // Code blocks and headings.
    [GeneratedRegex(@"^(?:```.*?^```|#[^\n]*)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex NotProse();

    [GeneratedRegex("`[^`]+`")]
    private static partial Regex Code();

    // What parts paragraphs, items of a list and cells of a table.
    [GeneratedRegex(@"\n\s*\n|\n(?=\s*(?:-|\d+\.)\s)|\|")]
    private static partial Regex Part();

    [GeneratedRegex("""(?<=[.:;!?][)"*]*)\s+""")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"\S*\w\S*")]
    private static partial Regex Word();

    [GeneratedRegex("TESTHARNESS_[A-Z_]+")]
    private static partial Regex Variable();
}
