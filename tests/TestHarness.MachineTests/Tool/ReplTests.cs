using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>The C# prompt with machines of each kind.</summary>
public sealed class ReplTests : IDisposable
{
    private readonly TestVm _tool = new();

    public void Dispose() => _tool.Dispose();

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Runs_what_is_piped_in_on_a_new_machine()
    {
        (int exitCode, string output, string error) = await _tool.ScriptAsync(
            """
            cat <<'END' | testvm repl --image tiny
            var names = new List<string>();
            foreach (string option in new[] { "-s", "-n" })
            {
                names.Add((await vm.Shell.RunAsync($"uname {option}")).StandardOutput.Trim());
            }
            names.Count
            names[0]
            END
            """
        );

        (exitCode, output).Should().Be((0, "2\n\"Linux\"\n"), error);
        (await _tool.DoAsync("list", "--json")).Should().Be("[]\n", "it was thrown away");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Has_a_named_machine_whether_it_runs_or_not()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");

        (int exitCode, string output, string error) = await _tool.ScriptAsync(
            """
            cat <<'END' | testvm repl web
            await vm.Shell.RunAsync("hostname; echo kept > /root/kept")
            await vm.Shell.RunAsync("exit 7");
            no such thing
            (await vm.Shell.TryRunAsync("exit 7")).ExitCode
            await vm.MonitorAsync("info status")
            END
            """
        );
        output.Should().Be("web\n7\n\"VM status: running\\n\"\n");
        error.Should().Contain("'exit 7' failed on machine 'web' with exit code 7.").And.Contain("error CS");
        exitCode.Should().Be(1, "nobody was there to see the errors");

        await _tool.DoAsync("stop", "web");
        (exitCode, output, error) = await _tool.ScriptAsync(
            """
            cat <<'END' | testvm repl web
            await vm.Shell.RunAsync("cat /root/kept")
            vm.State
            END
            """
        );
        (exitCode, output).Should().Be((0, "kept\nRunning\n"), error);
        (await _tool.DoAsync("status", "web")).Should().MatchRegex("web +stopped ");
    }

    [Theory]
    [InlineData(":quit\r")]
    [InlineData("", Traits = ["Speed", "Slow"])]
    public async Task Shuts_a_machine_down_that_it_started(string keys)
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");
        await _tool.DoAsync("stop", "web");
        using TerminalProgram terminal = _tool.AtTerminal("repl web");
        await terminal.WaitForAsync("it runs until you leave");
        await terminal.WaitForAsync("\r> ");
        (await _tool.DoAsync("shell", "web", "--", "echo served; echo kept > /root/kept")).Should().Be("served\n");

        await terminal.TypeAsync("{ vm\x03");
        await terminal.WaitForAsync("^C");
        await terminal.WaitForAsync("\r> ");
        await terminal.TypeAsync(keys);
        if (keys.Length == 0)
            await _tool.DoAsync("stop", "web");

        (await terminal.WaitForAsync("job-ended ", ".")).Should().Be("0");
        (await _tool.DoAsync("status", "web")).Should().MatchRegex("web +stopped ");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Offers_a_person_the_lines_before()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny");
        using (TerminalProgram terminal = _tool.AtTerminal("repl web"))
        {
            await terminal.WaitForAsync("Ctrl-D or :quit leaves");
            await terminal.WaitForAsync("> ");
            await terminal.TypeAsync("6 * 7\r");
            await terminal.WaitForAsync("\n42\r\n");
            await terminal.TypeAsync(":quit\r");
            (await terminal.WaitForAsync("job-ended ", ".")).Should().Be("0");
        }

        using TerminalProgram again = _tool.AtTerminal("repl web");
        await again.WaitForAsync("> ");
        await again.TypeAsync("\x1b[A\x1b[A");
        await again.WaitForAsync("6 * 7");
        await again.TypeAsync("0\r");
        await again.WaitForAsync("\n420\r\n");
        await again.TypeAsync(":quit\r");
        (await again.WaitForAsync("job-ended ", ".")).Should().Be("0");
    }
}
