using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests;

public sealed class ScreenTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Captures_a_PNG_that_changes_with_what_is_on_the_screen()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        Screenshot before = await vm.Screen.CaptureAsync(Token);
        await vm.Shell.RunAsync("clear > /dev/tty1; for i in 1 2 3 4 5 6 7 8; do echo hello from the guest, line $i > /dev/tty1; done", cancellationToken: Token);
        Screenshot after = await vm.Screen.CaptureAsync(Token);

        (after.Width, after.Height).Should().Be((1024, 768));
        after.Png.Span[..4].ToArray().Should().Equal(0x89, (byte)'P', (byte)'N', (byte)'G');
        after.Png.Span.SequenceEqual(before.Png.Span).Should().BeFalse();
    }

    [Fact]
    public async Task Says_how_to_get_a_display_when_there_is_none()
    {
        await using var vm = new VirtualMachine(new MachineSpec { Display = Display.None });

        await vm.Screen.Invoking(screen => screen.CaptureAsync(Token)).Should().ThrowAsync<InvalidOperationException>().WithMessage("*MachineSpec.Display*");
    }
}
