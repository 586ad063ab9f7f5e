using TestHarness;
using TestHarness.FluentAssertions;
using Xunit;

namespace Screens;

/// <summary>A walk through the firmware's boot menu: what it shows is read, compared with a golden, and answered with keys.</summary>
public sealed class BootMenuTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_boot_menu_starts_what_is_chosen()
    {
        // A cold start: a machine from a template has its firmware behind it. The menu waits 20 s for the key.
        var spec = new MachineSpec { Start = StartMode.Cold, ExtraQemuArguments = ["-boot", "menu=on,splash-time=20000"] };
        await using var vm = new VirtualMachine(spec);
        Task start = vm.StartAsync(cancellationToken: Token);

        await vm.Screen.WaitForTextAsync("Press ESC for boot menu", cancellationToken: Token);
        await vm.Screen.PressAsync("esc", cancellationToken: Token);
        await vm.Screen.WaitForTextAsync("Select boot device:", cancellationToken: Token);
        // But for the first lines, which have the firmware's version and the machine's id.
        await vm.Screen.ShouldMatchGoldenAsync("menu", new GoldenOptions { IgnoredAreas = [new ScreenArea(0, 0, 720, 48)] }, Token);
        await vm.Screen.PressAsync("1", cancellationToken: Token);

        await start;
        (await vm.Shell.RunAsync("uname -s", cancellationToken: Token)).Should().HaveOutput("Linux");
    }
}
