using System.Diagnostics;
using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

public sealed class ShellTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Keeps_output_error_and_exit_code_apart()
    {
        ShellResult result = await Shell.TryRunAsync("echo out; echo err >&2; exit 3", cancellationToken: Token);

        result.Should().Fail(withExitCode: 3).And.HaveOutput("out").And.HaveErrorOutput("err");
    }

    [Fact]
    public async Task Throws_with_all_that_matters_when_a_command_fails()
    {
        Func<Task> run = () => Shell.RunAsync("echo half done; echo no such thing >&2; exit 4", cancellationToken: Token);

        GuestCommandException thrown = (await run.Should().ThrowAsync<GuestCommandException>()).Which;
        thrown.Message.Should()
            .StartWith($"Machine '{tiny.Machine.Name}': the command ended with exit code 4.")
            .And.Contain("Command: echo half done").And.Contain("Standard error: no such thing").And.Contain("Standard output: half done")
            .And.Contain("Serial log (last ").And.Contain("Reproduce: ");
        thrown.Result!.ExitCode.Should().Be(4);
    }

    [Fact]
    public async Task Tells_the_signal_that_ended_a_command()
    {
        ShellResult result = await Shell.TryRunAsync("kill -9 $$", cancellationToken: Token);

        (result.ExitCode, result.Signal).Should().Be((137, 9));
    }

    [Fact]
    public async Task Passes_environment_directory_user_and_arguments_on_literally()
    {
        var options = new ShellOptions
        {
            Environment = new Dictionary<string, string> { ["GREETING"] = "a 'b' \"c\" $d\n=e" },
            WorkingDirectory = "/tmp",
            User = "nobody",
            Arguments = ["$HOME", "two words", ""],
        };

        ShellResult result = await Shell.RunAsync("pwd; id -un; printf '%s|' \"$GREETING\" \"$@\"", options, Token);

        result.StandardOutput.Should().Be("/tmp\nnobody\na 'b' \"c\" $d\n=e|$HOME|two words||");
    }

    [Fact]
    public async Task Says_so_when_the_user_or_the_directory_is_not_there()
    {
        Func<Task> user = () => Shell.RunAsync("id", new ShellOptions { User = "nosuch" }, Token);
        Func<Task> directory = () => Shell.RunAsync("id", new ShellOptions { WorkingDirectory = "/no/such" }, Token);

        (await user.Should().ThrowAsync<GuestCommandException>()).WithMessage("*could not be started*nosuch*");
        (await directory.Should().ThrowAsync<GuestCommandException>()).WithMessage("*could not be started*/no/such*");
    }

    [Fact]
    public async Task Carries_20_MB_in_and_out_unchanged()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(20_000_000);

        ShellResult result = await Shell.RunAsync("cat", new ShellOptions { StandardInput = new MemoryStream(sent) }, Token);

        result.StandardOutputBytes.Span.SequenceEqual(sent).Should().BeTrue();
    }

    [Fact]
    public async Task Carries_every_byte_value_on_both_streams_at_once()
    {
        byte[] all = [.. Enumerable.Range(0, 256 * 64).Select(i => (byte)i)];

        ShellResult result = await Shell.RunAsync("tee /dev/stderr", new ShellOptions { StandardInput = new MemoryStream(all) }, Token);

        result.StandardOutputBytes.ToArray().Should().Equal(all);
        result.StandardErrorBytes.ToArray().Should().Equal(all);
    }

    [Fact]
    public async Task Runs_12_commands_at_once()
    {
        IEnumerable<Task<ShellResult>> running = Enumerable.Range(0, 12).Select(i =>
            Shell.TryRunAsync($"head -c {i * 10000} /dev/zero | wc -c; echo {i} >&2; exit {i}", cancellationToken: Token));

        ShellResult[] results = await Task.WhenAll(running);

        results.Select(result => (result.ExitCode, result.StandardOutput.Trim(), result.StandardError.Trim()))
            .Should().Equal(Enumerable.Range(0, 12).Select(i => (i, $"{i * 10000}", $"{i}")));
    }

    [Fact]
    public async Task Ends_when_the_command_ends_though_a_descendant_lives_on()
    {
        long asked = Stopwatch.GetTimestamp();

        ShellResult result = await Shell.RunAsync("(sleep 600; echo late) & echo $!", cancellationToken: Token);

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(20));
        (await Shell.RunAsync($"kill {result.StandardOutput.Trim()}", cancellationToken: Token)).Should().Succeed("it was left alive");
    }

    [Fact]
    public async Task Hands_on_lines_while_the_command_runs()
    {
        var lines = new List<string>();
        var first = new TaskCompletionSource();
        var options = new ShellOptions
        {
            OnOutput = line =>
            {
                lines.Add($"{line.Stream}:{line.Text}");
                first.TrySetResult();
            },
        };

        Task<ShellResult> running = Shell.RunAsync("echo one; until test -e /tmp/go-on; do usleep 10000; done; echo two >&2; rm /tmp/go-on", options, Token);
        await first.Task.WaitAsync(Token);
        await Shell.RunAsync("touch /tmp/go-on", cancellationToken: Token);
        await running;

        lines.Should().Equal("StandardOutput:one", "StandardError:two");
    }
}
