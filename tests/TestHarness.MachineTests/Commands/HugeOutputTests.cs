using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>Commands that write more than anybody wants to keep.</summary>
[Collection(nameof(OwnMemory))]
[Fault(
    "A command writes 300 MB, or a million lines on both streams.",
    "The output is kept up to a limit. `Truncated` is set, and the exit code is there."
)]
public sealed class HugeOutputTests(Tiny tiny)
{
    private const int MiB = 1024 * 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Shell Shell => tiny.Machine.Shell;

    [Fact]
    public async Task Carries_20_MB_in_and_out_unchanged()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(20_000_000);

        ShellResult result = await Shell.RunAsync("cat", new ShellOptions { StandardInput = new MemoryStream(sent) }, Token);

        result.StandardOutputBytes.Span.SequenceEqual(sent).Should().BeTrue();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Keeps_beginning_and_end_of_300_MB_in_bounded_memory_and_the_exit_code()
    {
        var options = new ShellOptions { MaxOutputBytes = 4 * MiB };
        long before = GC.GetTotalMemory(forceFullCollection: true);

        ShellResult result = await Shell.TryRunAsync("echo first; head -c 300000000 /dev/zero; echo; echo last; exit 5", options, Token);

        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(100 * MiB);
        result.Should().Fail(withExitCode: 5);
        result.Truncated.Should().BeTrue();
        result
            .StandardOutput.Should()
            .StartWith("first\n\0")
            .And.EndWith("\0\nlast\n")
            .And.Contain($"\0\n[… {6 + 300_000_000 + 6 - (4 * MiB)} bytes dropped …]\n\0");
        (await Shell.RunAsync("echo fine", cancellationToken: Token)).Should().HaveOutput("fine");
    }

    [Fact]
    public async Task Counts_a_million_lines_on_both_streams_at_once()
    {
        int outLines = 0;
        int errorLines = 0;
        var options = new ShellOptions
        {
            MaxOutputBytes = MiB,
            OnOutput = line => _ = line.Stream == OutputStream.StandardOutput ? outLines++ : errorLines++,
        };

        ShellResult result = await Shell.TryRunAsync("seq 500000 & seq 500001 1000000 >&2; wait; exit 6", options, Token);

        (outLines, errorLines, result.ExitCode, result.Truncated).Should().Be((500_000, 500_000, 6, true));
        result.StandardOutput.Should().StartWith("1\n2\n").And.EndWith("\n500000\n");
        result.StandardError.Should().StartWith("500001\n").And.EndWith("\n1000000\n");
    }

    [Fact]
    public async Task Hands_on_an_endless_line_in_pieces()
    {
        var pieces = new List<int>();
        var options = new ShellOptions { MaxOutputBytes = 1000, OnOutput = line => pieces.Add(Encoding.UTF8.GetByteCount(line.Text)) };

        await Shell.RunAsync("head -c 10000000 /dev/zero", options, Token);

        pieces.Max().Should().Be(64 * 1024);
        pieces.Sum().Should().Be(10_000_000);
    }

    [Fact]
    public async Task Says_the_end_of_what_was_written_in_a_short_message()
    {
        Func<Task> run = () =>
            Shell.RunAsync(
                "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo; echo why >&2; exit 1",
                new ShellOptions { MaxOutputBytes = MiB },
                Token
            );

        GuestCommandException thrown = (await run.Should().ThrowAsync<GuestCommandException>()).Which;
        thrown.Result!.Truncated.Should().BeTrue();
        thrown.Message.Should().Contain("xxxwhy").And.Subject.Length.Should().BeLessThan(30_000);
    }

    [Fact]
    public async Task Fails_at_once_when_the_receiver_of_lines_throws()
    {
        var options = new ShellOptions { OnOutput = _ => throw new InvalidDataException("not this line") };
        Func<Task> run = () => Shell.RunAsync("echo one; sleep 6666", options, Token);

        (await run.Should().ThrowWithinAsync<InvalidDataException>(TimeSpan.FromSeconds(10))).WithMessage("not this line");
        (await Shell.RunAsync("ps -ef | grep '[s]leep 6666' || echo none", cancellationToken: Token)).Should().HaveOutput("none");
    }
}
