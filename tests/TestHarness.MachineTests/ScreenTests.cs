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
        await vm.Shell.RunAsync(
            "clear > /dev/tty1; for i in 1 2 3 4 5 6 7 8; do echo hello from the guest, line $i > /dev/tty1; done",
            cancellationToken: Token
        );
        Screenshot after = await vm.Screen.CaptureAsync(Token);

        (after.Width, after.Height).Should().Be((1024, 768));
        after.Png.Span[..4].ToArray().Should().Equal(0x89, (byte)'P', (byte)'N', (byte)'G');
        after.Png.Span.SequenceEqual(before.Png.Span).Should().BeFalse();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_screen_with_a_blinking_cursor_is_still_and_one_that_scrolls_is_not()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await using (
            GuestProcess writer = await vm.Shell.StartAsync(
                "i=0; while :; do i=$((i + 1)); echo $i; done > /dev/tty1",
                cancellationToken: Token
            )
        )
        {
            await vm
                .Screen.Invoking(screen => screen.WaitForStillAsync(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), Token))
                .Should()
                .ThrowAsync<WaitTimeoutException>()
                .WithMessage("*different pictures*");
        }

        Screenshot still = await vm.Screen.WaitForStillAsync(TimeSpan.FromSeconds(1), cancellationToken: Token);

        (await vm.Screen.GetSizeAsync(Token)).Should().Be(new ScreenSize(still.Width, still.Height));
    }

    [Fact]
    public async Task Cuts_out_an_area_and_gives_pixels()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync("dmesg -n 1; printf '\\033[H\\033[2J\\033[41m   \\033[0m' > /dev/tty1", cancellationToken: Token);

        Screenshot part = (await vm.Screen.CaptureAsync(Token)).Crop(new ScreenArea(8, 4, 32, 8));

        (part.Width, part.Height).Should().Be((32, 8));
        // The console's red, and black.
        part.DecodePixels().Take(32).Should().Equal([.. Enumerable.Repeat(0xffaa0000, 16), .. Enumerable.Repeat(0xff000000, 16)]);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task The_screen_takes_the_size_that_the_kernel_is_told()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            tiny.Machine.Spec with
            {
                KernelArguments = "video=800x600",
            },
            cancellationToken: Token
        );

        (await vm.Screen.GetSizeAsync(Token)).Should().Be(new ScreenSize(800, 600));
    }

    [Fact]
    public async Task A_screen_that_is_watched_from_the_start_says_that_there_was_none()
    {
        await using var vm = new VirtualMachine(tiny.Machine.Spec with { ExtraQemuArguments = ["-no-such-option"] });
        Task start = vm.StartAsync(cancellationToken: Token);

        await vm
            .Screen.Invoking(screen => screen.WaitForTextAsync("login:", cancellationToken: Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage($"Machine '{vm.Name}' did not start: what StartAsync threw says why.");
        await start.Awaiting(task => task).Should().ThrowAsync<MachineStartException>().WithMessage("*no-such-option*");
    }

    [Fact]
    public async Task Says_how_to_get_a_display_when_there_is_none()
    {
        await using var vm = new VirtualMachine(new MachineSpec { Display = Display.None });

        await vm
            .Screen.Invoking(screen => screen.CaptureAsync(Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("*MachineSpec.Display*");
    }
}
