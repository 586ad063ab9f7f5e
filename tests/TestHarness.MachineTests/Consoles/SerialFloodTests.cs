using System.Diagnostics;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Consoles;

/// <summary>A guest that never stops writing to its console.</summary>
[Collection(nameof(OwnMemory))]
[Fault(
    "The guest floods its console, or writes a line of 100 MB.",
    "The head and the tail of the log are kept, with a marker. Memory stays flat.",
    "SerialLogTests"
)]
public sealed class SerialFloodTests(Tiny tiny)
{
    private const int MiB = 1024 * 1024;

    // Without the line discipline's CRs the console takes some 350 KB a second; a tenth of that where the host is busy.
    private const string Flood = "stty -F /dev/ttyS0 -opost; (yes | head -c 2000000; cat /dev/zero | tr '\\0' x) > /dev/ttyS0";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Is_capped_while_commands_answer_and_waits_go_on()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        Task<Match> waiting = vm.Console.WaitForAsync(
            new Regex("^after (the) flood$", RegexOptions.Multiline),
            TimeSpan.FromMinutes(12),
            Token
        );
        string flood = (
            await vm.Shell.RunAsync($"setsid sh -c \"$1\" >/dev/null 2>&1 & echo $!", new ShellOptions { Arguments = [Flood] }, Token)
        ).StandardOutput.Trim();

        long began = Stopwatch.GetTimestamp();
        while (!vm.Console.Log.Text.Contains(" bytes dropped …]\n", StringComparison.Ordinal))
        {
            Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromMinutes(10), "the log is full by now");
            (await vm.Shell.RunAsync("usleep 200000; echo fine", cancellationToken: Token)).Should().HaveOutput("fine");
        }

        await vm.Shell.RunAsync($"kill -9 -- -{flood}; printf '\\nafter the flood\\n' > /dev/ttyS0", cancellationToken: Token);

        (await waiting).Groups[1].Value.Should().Be("the");
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(50 * MiB);
        string log = vm.Console.Log.Text;
        log.Length.Should().BeLessThan(5 * MiB);
        log.Should()
            .Contain("Linux version 6.")
            .And.Contain("\ny\ny\n")
            .And.MatchRegex(@"\n\[… \d+ bytes dropped …\]\n")
            .And.Contain("xxx\nafter the flood\n");
    }
}
