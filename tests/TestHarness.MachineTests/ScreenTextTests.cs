using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests;

public sealed class ScreenTextTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reads_Linux_console_exactly_and_says_so()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync(
            "dmesg -n 1; printf '\\033[H\\033[2J\\033[31mred\\033[0m  l1O0|I ~ \\xc3\\xa4\\n\\nthird' > /dev/tty1",
            cancellationToken: Token
        );

        ScreenText text = await vm.Screen.ReadTextAsync(Token);

        text.Source.Should().Be(ScreenTextSource.LinuxConsole);
        text.Text.Should().Be("red  l1O0|I ~ ä\n\nthird");
        text.Find("third").Should().Be(new ScreenArea(0, 32, 40, 16));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Reads_what_the_firmware_shows_before_there_is_an_agent()
    {
        await using var vm = new VirtualMachine(tiny.Machine.Spec with { Start = StartMode.Cold });
        Task start = vm.StartAsync(cancellationToken: Token);

        ScreenText text = await vm.Screen.WaitForTextAsync("SeaBIOS", cancellationToken: Token);

        text.Source.Should().Be(ScreenTextSource.VgaMemory);
        text.Lines.Should().HaveCount(25).And.Contain(line => line.StartsWith("SeaBIOS (version ", StringComparison.Ordinal));
        await start;
    }

    [Fact]
    public async Task A_text_that_does_not_come_is_told_with_the_text_that_is_there()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Screen.WaitForTextAsync("login:", cancellationToken: Token);

        Func<Task> wait = () => vm.Screen.WaitForTextAsync("Password:", TimeSpan.FromSeconds(1), Token);

        (await wait.Should().ThrowAsync<WaitTimeoutException>())
            .Which.Message.Should()
            .Contain("waited 1 s for \"Password:\" on the screen")
            .And.Contain("Last seen:\n  (from Linux's console)")
            .And.Contain("login:");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task A_picture_is_read_by_tesseract()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        // Over half of the console something that is no text; two lines at a time, for the kernel does not draw a write of exactly one.
        await vm.Shell.RunAsync(
            "dmesg -n 1; printf '\\033[H\\033[2JInstall the system now' > /dev/tty1; dd if=/dev/urandom of=/dev/fb0 bs=8192 "
                + "seek=192 count=192",
            cancellationToken: Token
        );
        await vm.Screen.WaitForStillAsync(TimeSpan.FromSeconds(0.5), cancellationToken: Token);

        ScreenText text = await vm.Screen.ReadTextAsync(Token);

        text.Source.Should().Be(ScreenTextSource.Recognition);
        text.Text.Should().Contain("Install the system now");
    }

    [Fact]
    public async Task A_wait_for_text_ends_when_the_machine_does()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        Task wait = vm.Screen.WaitForTextAsync("never", cancellationToken: Token);
        await vm.KillAsync();

        await wait.Awaiting(task => task).Should().ThrowAsync<MachineExitedException>();
    }
}
