using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Access;

// What a command reads and writes.
public abstract partial class EveryWayTests
{
    [Fact]
    public async Task Keeps_output_error_and_exit_code_apart()
    {
        ShellResult result = await Shell.TryRunAsync("echo out; echo err >&2; exit 3", cancellationToken: Token);

        result.Should().Fail(withExitCode: 3).And.HaveOutput("out").And.HaveErrorOutput("err");
    }

    [Fact]
    public async Task Hands_on_the_lines_of_both_streams_in_their_order()
    {
        var go = new Pipe();
        var options = new ShellOptions { StandardInput = go.Reader.AsStream() };
        List<string> lines = [];

        // Each line waits until the one before has been seen.
        await foreach (
            OutputLine line in Shell.RunLinesAsync("for i in 1 2; do echo $i; read _; echo $i >&2; read _; done", options, Token)
        )
        {
            lines.Add($"{line.Stream}:{line.Text}");
            await go.Writer.WriteAsync("\n"u8.ToArray(), Token);
        }

        lines.Should().Equal("StandardOutput:1", "StandardError:1", "StandardOutput:2", "StandardError:2");
    }

    [Fact]
    public async Task Throws_after_the_last_line_of_a_command_that_fails()
    {
        List<string> lines = [];
        Func<Task> run = async () =>
        {
            await foreach (OutputLine line in Shell.RunLinesAsync("echo last; exit 9", cancellationToken: Token))
                lines.Add(line.Text);
        };

        (await run.Should().ThrowAsync<GuestCommandException>()).Which.Result!.ExitCode.Should().Be(9);
        lines.Should().Equal("last");
    }

    [Fact]
    public async Task Tells_a_receiver_of_lines_while_the_command_runs()
    {
        List<string> lines = [];
        var first = new TaskCompletionSource();
        var options = new ShellOptions
        {
            OnOutput = line =>
            {
                lines.Add($"{line.Stream}:{line.Text}");
                first.TrySetResult();
            },
        };

        Task<ShellResult> running = Shell.RunAsync($"echo one; until [ -e {Folder} ]; do sleep 0.05; done; echo two >&2", options, Token);
        await first.Task.WaitAsync(Token);
        await Shell.RunAsync(["mkdir", Folder], cancellationToken: Token);
        await running;

        lines.Should().Equal("StandardOutput:one", "StandardError:two");
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
    public async Task Carries_a_MiB_out_and_in_unchanged()
    {
        ShellResult random = await Shell.RunAsync(
            $"head -c 1048576 /dev/urandom > {Folder}; sha256sum < {Folder} >&2; cat {Folder}",
            cancellationToken: Token
        );
        ShellResult again = await Shell.RunAsync(
            "sha256sum",
            new ShellOptions { StandardInput = new MemoryStream(random.StandardOutputBytes.ToArray()) },
            Token
        );

        random.StandardError.Should().StartWith(Convert.ToHexStringLower(SHA256.HashData(random.StandardOutputBytes.Span)));
        again.StandardOutput.Should().Be(random.StandardError);
    }

    [Fact]
    public async Task Reads_text_from_its_input()
    {
        var options = new ShellOptions { StandardInput = new MemoryStream(Encoding.UTF8.GetBytes("ä 1\n$x\nno end")) };

        (await Shell.RunAsync("read first; echo \"[$first]\"; cat", options, Token)).StandardOutput.Should().Be("[ä 1]\n$x\nno end");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sees_the_end_of_an_empty_input_at_once(bool given) =>
        (await Shell.RunAsync("cat; echo end", new ShellOptions { StandardInput = given ? Stream.Null : null }, Token))
            .Should()
            .HaveOutput("end");

    [Fact]
    public async Task May_leave_its_input_unread()
    {
        var options = new ShellOptions { StandardInput = new MemoryStream(new byte[2_000_000]) };

        (await Shell.TryRunAsync("head -c 3 | wc -c; exec 0<&-; exit 4", options, Token))
            .Should()
            .Fail(withExitCode: 4)
            .And.HaveOutput("3");
    }

    [Fact]
    public async Task Keeps_beginning_and_end_of_much_output_and_says_so()
    {
        var options = new ShellOptions { MaxOutputBytes = 1000 };

        ShellResult much = await Shell.RunAsync("seq 10000", options, Token);
        ShellResult all = await Shell.RunAsync("seq 10000 | head -c 1000", options, Token);

        much.Truncated.Should().BeTrue();
        much.StandardOutput.Should().StartWith("1\n2\n").And.Contain($"[… {48_894 - 1000} bytes dropped …]").And.EndWith("\n10000\n");
        (all.Truncated, all.StandardOutputBytes.Length).Should().Be((false, 1000));
    }

    [Fact]
    public async Task Takes_a_flood_of_errors_while_there_is_no_output()
    {
        ShellResult result = await Shell.RunAsync("head -c 3000000 /dev/zero >&2", cancellationToken: Token);

        (result.StandardOutputBytes.Length, result.StandardErrorBytes.Length).Should().Be((0, 3_000_000));
    }
}
