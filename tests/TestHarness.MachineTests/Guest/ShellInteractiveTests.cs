using System.IO.Pipelines;
using System.Text;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

public sealed class ShellInteractiveTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Gives_a_terminal_of_the_callers_size_and_the_exit_code()
    {
        using var output = new MemoryStream();
        var options = new InteractiveOptions { Input = Stream.Null, Output = output, Columns = 101, Rows = 33, Command = "tty; stty size; id -un; exit 7", User = "nobody" };

        (await Shell.InteractiveAsync(options, Token)).Should().Be(7);

        Encoding.UTF8.GetString(output.ToArray()).Should().MatchRegex("^/dev/pts/[0-9]+\r\n33 101\r\nnobody\r\n");
    }

    [Fact]
    public async Task Passes_keys_and_Ctrl_C_on_to_the_guest()
    {
        var keys = new Pipe();
        var shown = new Pipe();
        var options = new InteractiveOptions { Input = keys.Reader.AsStream(), Output = shown.Writer.AsStream(leaveOpen: true) };

        Task<int> session = Shell.InteractiveAsync(options, Token);
        await TypeAsync("/bin/sleep 7773; echo $((6*7))-after\r");
        await Shell.WaitUntilSucceedsAsync("pgrep -f 'sleep 777[3]'", cancellationToken: Token);
        await TypeAsync("\x03");
        await Shell.WaitUntilFailsAsync("pgrep -f 'sleep 777[3]'", cancellationToken: Token);
        await TypeAsync("echo $((6*7))-again\r");
        await TypeAsync("exit 5\r");

        (await session.WaitAsync(TimeSpan.FromSeconds(30), Token)).Should().Be(5);
        await shown.Writer.CompleteAsync();
        using var reader = new StreamReader(shown.Reader.AsStream());
        (await reader.ReadToEndAsync(Token)).Should().Contain("\n42-again\r\n");

        async Task TypeAsync(string text) => await keys.Writer.WriteAsync(Encoding.UTF8.GetBytes(text), Token);
    }

    [Fact]
    public async Task Ends_with_Ctrl_D_at_the_end_of_its_input_and_with_its_token()
    {
        using var input = new MemoryStream("echo $((6*7))-piped\n"u8.ToArray());
        using var output = new MemoryStream();
        (await Shell.InteractiveAsync(new InteractiveOptions { Input = input, Output = output }, Token)).Should().Be(0);
        Encoding.UTF8.GetString(output.ToArray()).Should().Contain("42-piped");

        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        cancel.CancelAfter(TimeSpan.FromSeconds(1));
        await Shell.Invoking(shell => shell.InteractiveAsync(new InteractiveOptions { Input = Stream.Null, Output = output, Command = "exec sleep 7774" }, cancel.Token))
            .Should().ThrowAsync<OperationCanceledException>();
        await Shell.WaitUntilFailsAsync("pgrep -f 'sleep 777[4]'", cancellationToken: Token);
    }
}
