using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Access;

// How a command is started, and how it ended.
public abstract partial class EveryWayTests
{
    [Theory]
    [InlineData("true", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("no-such-program", 127)]
    public async Task Tells_the_exit_code(string command, int exitCode)
    {
        ShellResult result = await Shell.TryRunAsync(command, cancellationToken: Token);

        (result.ExitCode, result.Signal).Should().Be((exitCode, null));
    }

    [Fact]
    public async Task Tells_the_signal_that_ended_a_command()
    {
        ShellResult result = await Shell.TryRunAsync("kill -9 $$", cancellationToken: Token);

        (result.ExitCode, result.Signal).Should().Be((137, 9));
    }

    [Fact]
    public async Task Throws_with_all_that_matters_when_a_command_fails()
    {
        Func<Task> run = () => Shell.RunAsync("echo half done; echo no such thing >&2; exit 4", cancellationToken: Token);

        GuestCommandException thrown = (await run.Should().ThrowAsync<GuestCommandException>()).Which;
        thrown
            .Message.Should()
            .StartWith($"Machine '{Vm.Name}': the command ended with exit code 4.")
            .And.Contain("Command: echo half done")
            .And.Contain("Standard error: no such thing")
            .And.Contain("Standard output: half done")
            .And.Contain("Serial log (since ")
            .And.Contain("Reproduce: ");
        thrown.Result!.ExitCode.Should().Be(4);
    }

    [Fact]
    public async Task Says_why_a_program_can_not_be_started()
    {
        const string Reason = "*could not be started: exec no-such-program: No such file*";

        await Shell
            .Invoking(shell => shell.RunAsync(["no-such-program"], cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage(Reason);
        await Shell
            .Invoking(shell => shell.StartAsync(["no-such-program"], cancellationToken: Token))
            .Should()
            .ThrowAsync<GuestCommandException>()
            .WithMessage(Reason);
    }

    [Fact]
    public async Task Passes_arguments_on_literally()
    {
        string[] arguments = ["two  words", "'single' \"double\" `back`", "$HOME \\ *", "a\nb", "", "ä€😀", "-n"];
        string expected = string.Concat(arguments.Select(argument => $"{argument}\0"));

        ShellResult program = await Shell.RunAsync(["printf", "%s\\0", .. arguments], cancellationToken: Token);
        ShellResult command = await Shell.RunAsync("printf '%s\\0' \"$@\"", new ShellOptions { Arguments = arguments }, Token);

        program.StandardOutput.Should().Be(expected);
        command.StandardOutput.Should().Be(expected);
    }

    [Fact]
    public async Task Passes_the_environment_on_literally()
    {
        var options = new ShellOptions
        {
            Environment = new Dictionary<string, string> { ["GREETING"] = "a 'b' \"c\" $d\n=ä", ["EMPTY"] = "" },
        };

        ShellResult result = await Shell.RunAsync("printf '%s|' \"$GREETING\" \"${EMPTY-unset}\" \"$HOME\"", options, Token);

        result.StandardOutput.Should().Be("a 'b' \"c\" $d\n=ä||/root|");
    }

    [Fact]
    public async Task Runs_in_a_folder()
    {
        await Shell.RunAsync(["mkdir", $"{Folder} ä"], cancellationToken: Token);

        (await Shell.RunAsync("pwd", cancellationToken: Token)).Should().HaveOutput("/root");
        (await Shell.RunAsync("pwd", new ShellOptions { WorkingDirectory = $"{Folder} ä" }, Token)).Should().HaveOutput($"{Folder} ä");
    }

    [Fact]
    public async Task Runs_as_a_user()
    {
        var nobody = new ShellOptions { User = "nobody" };

        (await Shell.RunAsync("id -un; id -Gn; echo $USER; touch /root/mine 2>/dev/null || echo kept out", nobody, Token))
            .Should()
            .HaveOutput("nobody\nnogroup\nnobody\nkept out");
    }

    [Fact]
    public async Task Says_so_when_the_user_or_the_folder_is_not_there()
    {
        Func<Task> user = () => Shell.RunAsync("id", new ShellOptions { User = "nosuch" }, Token);
        Func<Task> folder = () => Shell.RunAsync("id", new ShellOptions { WorkingDirectory = "/no/such" }, Token);

        (await user.Should().ThrowAsync<GuestCommandException>()).WithMessage("*could not be started*nosuch*");
        (await folder.Should().ThrowAsync<GuestCommandException>()).WithMessage("*could not be started*/no/such*");
    }

    [Fact]
    public async Task Runs_20_commands_at_once()
    {
        IEnumerable<Task<ShellResult>> running = Enumerable
            .Range(0, 20)
            .Select(i => Shell.TryRunAsync($"head -c {i * 10000} /dev/zero | wc -c; echo {i} >&2; exit {i}", cancellationToken: Token));

        ShellResult[] results = await Task.WhenAll(running);

        results
            .Select(result => (result.ExitCode, result.StandardOutput.Trim(), result.StandardError.Trim()))
            .Should()
            .Equal(Enumerable.Range(0, 20).Select(i => (i, $"{i * 10000}", $"{i}")));
    }
}
