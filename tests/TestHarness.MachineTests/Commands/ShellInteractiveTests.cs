using System.IO.Pipelines;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>A terminal in the guest whose keys a test types.</summary>
public sealed class ShellInteractiveTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Gives_a_terminal_of_the_size_that_is_asked_for_and_the_exit_code()
    {
        using var output = new MemoryStream();
        var options = new InteractiveOptions
        {
            Input = Stream.Null,
            Output = output,
            Columns = 101,
            Rows = 33,
            User = "nobody",
            WorkingDirectory = "/etc",
            Environment = new Dictionary<string, string> { ["TERM"] = "dumb" },
            Command = "tty; stty size; id -un; pwd; echo $TERM; kill -TERM $$",
        };

        (await Shell.InteractiveAsync(options, Token)).Should().Be(128 + 15);

        Encoding.UTF8.GetString(output.ToArray()).Should().MatchRegex("^/dev/pts/[0-9]+\r\n33 101\r\nnobody\r\n/etc\r\ndumb\r\n");
    }

    [Fact]
    public async Task Types_keys_while_the_command_runs()
    {
        var keys = new Pipe();
        var shown = new Pipe();
        var options = new InteractiveOptions
        {
            Input = keys.Reader.AsStream(),
            Output = shown.Writer.AsStream(leaveOpen: true),
            Command = "trap 'exit 9' INT; echo ready; while :; do sleep 1; done",
        };

        Task<int> session = Shell.InteractiveAsync(options, Token);
        // A key that comes while the shell makes the process of the sleep may not end that; the shell sees it a second later.
        await shown.Reader.ReadAtLeastAsync("ready".Length, Token);
        await keys.Writer.WriteAsync("\x03"u8.ToArray(), Token);

        (await session.WaitAsync(TimeSpan.FromSeconds(60), Token)).Should().Be(9);
    }

    [Fact]
    public async Task Takes_keys_that_come_before_the_shell_does()
    {
        using var input = new MemoryStream("echo $((6*7))-typed\rexit 3\r"u8.ToArray());
        using var output = new MemoryStream();

        (await Shell.InteractiveAsync(new InteractiveOptions { Input = input, Output = output }, Token)).Should().Be(3);

        Encoding.UTF8.GetString(output.ToArray()).Should().Contain("42-typed");
    }

    [Fact]
    public async Task Is_killed_with_its_token()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var keys = new Pipe();
        var shown = new Pipe();
        var options = new InteractiveOptions
        {
            Input = keys.Reader.AsStream(),
            Output = shown.Writer.AsStream(leaveOpen: true),
            Command = "echo $$ end; trap '' HUP; while :; do sleep 1; done",
        };
        Task<int> session = Shell.InteractiveAsync(options, cancel.Token);
        string process = Encoding.UTF8.GetString((await shown.Reader.ReadAtLeastAsync("1 end".Length, Token)).Buffer.FirstSpan).Split(' ')[
            0
        ];
        (await Shell.TryRunAsync($"test -d /proc/{process}", cancellationToken: Token)).Should().Succeed();

        await cancel.CancelAsync();

        (await session.Awaiting(task => task).Should().ThrowAsync<OperationCanceledException>())
            .Which.CancellationToken.Should()
            .Be(cancel.Token);
        await Shell.WaitUntilFailsAsync($"test -d /proc/{process}", cancellationToken: Token);
    }

    [Fact]
    public async Task Refuses_a_size_that_no_terminal_has() =>
        (
            await Shell
                .Awaiting(shell => shell.InteractiveAsync(new InteractiveOptions { Columns = 70_000 }, Token))
                .Should()
                .ThrowAsync<ArgumentOutOfRangeException>()
        ).WithMessage("A terminal of 70000 columns and 24 rows: 1 to 65535 are possible.*");
}
