using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests;

public sealed class TypingTests(Tiny tiny)
{
    // Every printable ASCII character, over and over, in lines that a terminal takes.
    private static readonly string Text =
        string.Concat(Enumerable.Range(0, 2000).Select(at => at % 73 == 72 ? '\n' : (char)(' ' + (at * 7 % 95)))) + "\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Two_thousand_characters_arrive_whole_while_the_host_is_busy()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        using var typed = new CancellationTokenSource();
        Task[] load =
        [
            .. Enumerable
                .Range(0, 2)
                .Select(_ =>
                    Task.Factory.StartNew(() => Spin(typed.Token), typed.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                ),
        ];
        await using GuestProcess reader = await StartReaderAsync(vm);

        long began = Stopwatch.GetTimestamp();
        await vm.Screen.TypeAsync(Text, cancellationToken: Token);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        await vm.Screen.PressAsync("ctrl-d", cancellationToken: Token);
        await reader.WaitAsync(cancellationToken: Token);
        await typed.CancelAsync();
        await Task.WhenAll(load);

        (await vm.Files.ReadTextAsync("/tmp/typed", cancellationToken: Token)).Should().Be(Text);
        TestContext.Current.TestOutputHelper!.WriteLine($"{Text.Length / took.TotalSeconds:0} characters a second");
    }

    private static void Spin(CancellationToken token)
    {
        while (!token.IsCancellationRequested)
            Thread.SpinWait(1000);
    }

    // In place of the getty, which would take the text for a login.
    private static async Task<GuestProcess> StartReaderAsync(VirtualMachine vm)
    {
        await vm.Shell.RunAsync(
            "sed -i '/^tty1/d' /etc/inittab; kill -HUP 1; while pidof getty | grep -q ' '; do for p in $(pidof getty); do ! grep "
                + "-q tty1 /proc/$p/cmdline || kill $p; done; usleep 10000; done",
            cancellationToken: Token
        );
        GuestProcess reader = await vm.Shell.StartAsync("chvt 1; cat < /dev/tty1 > /tmp/typed", cancellationToken: Token);
        await vm.Shell.WaitForFileAsync("/tmp/typed", cancellationToken: Token);
        return reader;
    }
}
