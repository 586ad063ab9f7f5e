using System.Diagnostics;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Guest;

/// <summary>A guest that never stops writing to its console.</summary>
public sealed class SerialFloodTests(Tiny tiny)
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(15);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("yes")]
    [InlineData("cat /dev/zero | tr '\\0' x")]
    public async Task Leaves_the_test_as_it_was(string flood)
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        // A machine's own line discipline makes CR LF of LF, at a cost; without it more comes.
        ShellResult started = await vm.Shell.RunAsync($"stty -F /dev/ttyS0 -opost; ({flood}) > /dev/ttyS0 2>&1 & echo $!", cancellationToken: Token);
        Task<Match> waiting = vm.Console.WaitForAsync(new Regex(@"^after (the) flood", RegexOptions.Multiline), TimeSpan.FromMinutes(3), Token);
        long began = Stopwatch.GetTimestamp();
        int answers = 0;
        while (Stopwatch.GetElapsedTime(began) < Duration)
        {
            (await vm.Shell.RunAsync("echo fine", cancellationToken: Token)).Should().HaveOutput("fine");
            answers++;
        }
        Console.WriteLine($"{flood}: {answers} answers, {vm.Console.Log.Text.Length} characters");
        await vm.Shell.RunAsync($"pkill -P {started.StandardOutput.Trim()}; kill {started.StandardOutput.Trim()}; printf '\\nafter the flood\\n' > /dev/ttyS0", cancellationToken: Token);

        (await waiting).Groups[1].Value.Should().Be("the");
    }
}
