using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>What people expect of any command: at a terminal, away from it, and of their shell.</summary>
public sealed class HabitsTests : IDisposable
{
    private const string Colour = @"\x1b\[([0-9;]*;)?[349][0-8]";

    private readonly TestVm _tool = new();

    public void Dispose() => _tool.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Shows_bars_at_a_terminal_only()
    {
        (await _tool.RunAsync("up", "web", "--image", "tiny")).Error.Should().NotContain("\x1b").And.MatchRegex("(?m)^guest boots$");
        await _tool.DoAsync("stop", "web", "--force");

        using TerminalProgram terminal = _tool.AtTerminal("start web");
        await terminal.WaitForAsync("job-ended 0");

        terminal
            .Shown.Should()
            .MatchRegex(Colour)
            .And.MatchRegex(@"\x1b\[[0-9]*[AFGK]", "bars are drawn anew")
            .And.Contain("guest boots")
            .And.Contain("Machine 'web' is running.");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Shows_no_colours_to_those_who_want_none()
    {
        _tool.With("NO_COLOR", "1");
        using TerminalProgram terminal = _tool.AtTerminal("up web --image tiny");
        await terminal.WaitForAsync("job-ended 0");
        terminal.Shown.Should().NotMatchRegex(Colour).And.Contain("guest boots");

        using TerminalProgram mistaken = _tool.AtTerminal("no-such-command");
        await mistaken.WaitForAsync("job-ended 2");
        mistaken.Shown.Should().NotMatchRegex(Colour);
    }

    [Theory]
    [InlineData("testvm shell w", "web")]
    [InlineData("testvm sync . w", "web:")]
    [InlineData("testvm image bu", "build")]
    [InlineData("testvm list --j", "--json")]
    public async Task Completes_words_in_bash(string line, string word)
    {
        string machine = Directory.CreateDirectory(Path.Combine(_tool.Data, "machines/web")).FullName;
        await File.WriteAllTextAsync(Path.Combine(machine, "machine.json"), "{}", TestContext.Current.CancellationToken);
        string script = $$"""
            source <(testvm completion bash)
            compopt() { :; }
            COMP_LINE='{{line}}' COMP_WORDS=({{line}})
            COMP_POINT=${#COMP_LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _testvm
            echo "${COMPREPLY[*]}"
            """;

        (await _tool.ScriptAsync(script, "bash")).Should().Be((0, $"{word}\n", ""));
        Directory.Delete(machine, recursive: true);
    }

    [Theory]
    [InlineData("""{"image":"tiny","created":"2026-01-01T00:00:00Z"}""", 0, "web +created +tiny +512 ?M")]
    [InlineData(
        """{"image":"tiny","created":"2026-01-01T00:00:00Z","disksMiB":null}""",
        1,
        "machines/web/machine.json' can't be read: .*disksMiB.*\n.*Try: mend it"
    )]
    [InlineData("""{"image":"tiny"}""", 1, "machines/web/machine.json' can't be read: .*created.*\n.*Try: mend it")]
    public async Task Takes_a_file_that_a_person_wrote_or_says_what_is_wrong_with_it(string settings, int exitCode, string message)
    {
        string machine = Directory.CreateDirectory(Path.Combine(_tool.Data, "machines/web")).FullName;
        await File.WriteAllTextAsync(Path.Combine(machine, "machine.json"), settings, TestContext.Current.CancellationToken);

        (int ended, string output, string error) = await _tool.ScriptAsync("testvm status web");

        (output + error).Should().MatchRegex(message);
        ended.Should().Be(exitCode);
    }
}
