using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Screens;

/// <summary>A screen and a clock that are the same each time.</summary>
public sealed class DeterminismTests
{
    private static readonly DateTimeOffset Clock = new(2001, 2, 3, 4, 5, 6, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // One golden for both images and both ways to start: font, size, no cursor, no message of the kernel, the date.
    [Theory]
    [InlineData("tiny", StartMode.Warm)]
    [InlineData("tiny", StartMode.Cold)]
    [InlineData("debian-12", StartMode.Warm, Traits = ["Speed", "Slow"])]
    public async Task The_same_screen_at_the_same_time_on_every_machine(string image, StartMode start)
    {
        var spec = new MachineSpec
        {
            Image = image,
            Start = start,
            Display = Display.Deterministic,
            Clock = Clock,
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        long began = await SecondsAsync(vm);

        await vm.Shell.RunAsync(
            "printf '\\033[2J\\033[HIt is the %s.\\n>' \"$(date -u +%d.%m.%Y)\" > /dev/tty1; echo '<2>the kernel speaks' > /dev/kmsg",
            cancellationToken: Token
        );
        await vm.Console.WaitForAsync("the kernel speaks", cancellationToken: Token);

        await vm.Screen.ShouldMatchGoldenAsync("date", new GoldenOptions { Tolerance = 0, AntiAliasing = AntiAliasing.Compare }, Token);
        began.Should().BeInRange(Clock.ToUnixTimeSeconds(), Clock.ToUnixTimeSeconds() + 30);
        (await vm.Shell.RunAsync("cat /sys/class/graphics/fbcon/cursor_blink", cancellationToken: Token)).Should().HaveOutput("0");
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(StartMode.Warm)]
    [InlineData(StartMode.Cold)]
    public async Task The_login_prompt_has_the_name_of_the_spec(StartMode start)
    {
        var spec = new MachineSpec
        {
            Start = start,
            Display = Display.Deterministic,
            Hostname = "box",
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        (await vm.Screen.WaitForTextAsync("login:", cancellationToken: Token))
            .Text.Should()
            .Contain("box login:")
            .And.NotContain("tiny login:");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task The_clock_begins_again_after_rollback_and_reboot()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Clock = Clock }, cancellationToken: Token);
        await vm.CheckpointAsync("here", cancellationToken: Token);
        await vm.Shell.RunAsync("date -s '2010-01-01 00:00:00'", cancellationToken: Token);

        await vm.RollbackAsync("here", cancellationToken: Token);
        (await SecondsAsync(vm)).Should().BeInRange(Clock.ToUnixTimeSeconds(), Clock.ToUnixTimeSeconds() + 30);
        await vm.RebootAsync(cancellationToken: Token);

        (await SecondsAsync(vm)).Should().BeInRange(Clock.ToUnixTimeSeconds(), Clock.ToUnixTimeSeconds() + 30);
    }

    private static async Task<long> SecondsAsync(VirtualMachine vm) =>
        long.Parse((await vm.Shell.RunAsync("date +%s", cancellationToken: Token)).StandardOutput.Trim(), CultureInfo.InvariantCulture);
}
