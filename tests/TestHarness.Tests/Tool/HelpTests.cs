using System.CommandLine;
using FluentAssertions;
using TestHarness.Tool;
using Xunit;

namespace TestHarness.Tests.Tool;

public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. Visible(CommandTree.Make(), "").Select(command => command.Words)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Has_examples_that_the_command_line_takes(string words)
    {
        RootCommand root = CommandTree.Make();
        using var output = new StringWriter();
        root.Parse($"{words} --help").Invoke(new InvocationConfiguration { Output = output });

        string[] examples =
        [
            .. output
                .ToString()
                .Split("Examples:\n")
                .Should()
                .HaveCount(2, "the help of every command has them")
                .And.Subject.Last()
                .Split('\n', StringSplitOptions.RemoveEmptyEntries),
        ];

        examples.Should().NotBeEmpty();
        foreach (string example in examples)
        {
            string line = example[example.IndexOf("testvm ", StringComparison.Ordinal)..]
                .Split([" | jq", " > ", ")"], StringSplitOptions.None)[0];
            root.Parse(line["testvm ".Length..].Replace('\'', '"')).Errors.Should().BeEmpty($"'{example.Trim()}' is right");
        }
    }

    [Theory]
    [InlineData("sh", "shell")]
    [InlineData("completion ", "bash", "fish", "zsh")]
    [InlineData("shell web --u", "--user")]
    [InlineData("up --network ", "Internet", "Isolated", "None")]
    public void Completes(string line, params string[] words) =>
        CommandTree.Make().Parse(line).GetCompletions(line.Length).Select(item => item.Label).Should().Contain(words);

    private static IEnumerable<(string Words, Command Command)> Visible(Command command, string words) =>
        [
            (words, command),
            .. command.Subcommands.Where(inner => !inner.Hidden).SelectMany(inner => Visible(inner, $"{words} {inner.Name}".TrimStart())),
        ];
}
