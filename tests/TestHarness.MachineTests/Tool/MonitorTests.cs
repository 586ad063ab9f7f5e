using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>QEMU's own monitor of a machine, by hand and by a pipe.</summary>
public sealed class MonitorTests : IDisposable
{
    private readonly TestVm _tool = new();

    public void Dispose() => _tool.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Runs_lines_that_are_piped_in()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");

        (await _tool.ScriptAsync("printf 'info status\\n\\ninfo name\\n' | testvm console web --monitor"))
            .Should()
            .Match<(int ExitCode, string Output, string Error)>(result =>
                result.ExitCode == 0
                && result.Error == ""
                && result.Output.StartsWith("VM status: running\n")
                && !result.Output.Contains("(qemu)")
            );
        (await _tool.ScriptAsync("echo no-such-thing | testvm console web --monitor"))
            .Output.Should()
            .Contain("unknown command: 'no-such-thing'");

        (int exitCode, _, string error) = await _tool.ScriptAsync("echo quit | testvm console web --monitor");
        exitCode.Should().Be(2);
        error.Should().Contain("'quit' would kill machine").And.Contain("testvm stop web shuts it down");
        (await _tool.DoAsync("shell", "web", "--", "echo alive")).Should().Be("alive\n");

        await _tool.DoAsync("pause", "web");
        (await _tool.ScriptAsync("echo info status | testvm console web --monitor")).Output.Should().Be("VM status: paused\n");
        await _tool.DoAsync("stop", "web", "--force");
        (await _tool.ScriptAsync("echo info status | testvm console web --monitor")).ExitCode.Should().Be(5);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Prompts_a_person_and_says_how_to_leave()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");
        using TerminalProgram terminal = _tool.AtTerminal("console web --monitor");

        await terminal.WaitForAsync("Ctrl-D or quit-monitor leaves");
        await terminal.WaitForAsync("(qemu) ");
        await terminal.TypeAsync("info status\r");
        await terminal.WaitForAsync("VM status: running");
        await terminal.WaitForAsync("(qemu) ");
        await terminal.TypeAsync("quit\r");
        await terminal.WaitForAsync("would kill machine");
        await terminal.WaitForAsync("(qemu) ");
        await terminal.TypeAsync("\x04");

        (await terminal.WaitForAsync("job-ended ", ".")).Should().Be("0");
    }
}
