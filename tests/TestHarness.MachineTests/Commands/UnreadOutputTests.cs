using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Commands;

/// <summary>Many commands that write without end, and others beside them.</summary>
[Collection(nameof(OwnMemory))]
public sealed class UnreadOutputTests(Tiny tiny)
{
    private const int MiB = 1024 * 1024;
    private const int Writers = 32;
    private const int Commands = 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Commands_give_the_right_answer_beside_thirty_two_that_write_without_end()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var keepLittle = new ShellOptions { MaxOutputBytes = 65536 };
        var writers = new List<GuestProcess>();
        for (int i = 0; i < Writers; i++)
            writers.Add(await vm.Shell.StartAsync("exec yes 01234567890123456789012345678901234567890123456789", keepLittle, Token));

        ShellResult[] results = await Task.WhenAll(
            Enumerable.Range(0, Commands).Select(i => vm.Shell.RunAsync($"echo answer {i}", cancellationToken: Token))
        );

        for (int i = 0; i < Commands; i++)
            results[i].Should().HaveOutput($"answer {i}");
        writers.Should().NotContain(writer => writer.HasExited);
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(64 * MiB);
        ShellResult most = await vm.Shell.RunAsync(
            "awk '/VmHWM/ { print $2 }' /proc/$(pidof testharness-agent | cut -d ' ' -f 1)/status",
            cancellationToken: Token
        );
        int.Parse(most.StandardOutput, CultureInfo.InvariantCulture)
            .Should()
            .BeInRange(1, 8192, "the agent's memory is what it has from its start, in KiB");
    }
}
