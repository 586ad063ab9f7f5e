using FluentAssertions;
using TestHarness;
using TestHarness.FluentAssertions;
using Xunit;

namespace Screens;

/// <summary>
/// A dialog of an installer in text mode, driven by keys. Its text is read from the guest's console and not recognised in a picture.
/// </summary>
public sealed class InstallerTests
{
    private const string Dialog = """
        systemctl stop getty@tty1
        export TERM=linux
        setsid whiptail --title "Install" --menu "Where to?" 12 40 2 disk "The whole disk" part "A partition" \
            < /dev/tty1 > /dev/tty1 2> /run/choice
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_installer_takes_what_is_chosen_with_the_keys()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Image = "debian-12", Display = Display.Deterministic },
            cancellationToken: Token
        );
        await using GuestProcess installer = await vm.Shell.StartAsync(Dialog, cancellationToken: Token);

        ScreenText screen = await vm.Screen.WaitForTextAsync("<Ok>", cancellationToken: Token);
        screen.Source.Should().Be(ScreenTextSource.LinuxConsole);
        screen.Text.Should().Contain("Where to?").And.Contain("The whole disk");
        await vm.Screen.ShouldMatchGoldenAsync("question", cancellationToken: Token);
        await vm.Screen.PressAsync("down enter", cancellationToken: Token);

        (await installer.WaitAsync(cancellationToken: Token)).Should().Succeed();
        (await vm.Files.ReadTextAsync("/run/choice", cancellationToken: Token)).Should().Be("part");
    }
}
