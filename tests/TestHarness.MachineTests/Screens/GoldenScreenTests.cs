using System.Diagnostics;
using System.Text.Json.Nodes;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.MachineTests.Screens;

/// <summary>
/// Goldens of a real machine's screen. Its console shows what the tests write to it, with the cursor off, on a screen of 1024x768.
/// </summary>
public sealed class GoldenScreenTests(Tiny tiny)
{
    // Nobody is to be shown the difference that a test here makes on purpose.
    static GoldenScreenTests() => DiffEngine.DiffRunner.Disabled = true;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_screen_that_is_right_already_matches_within_three_frames()
    {
        await using VirtualMachine vm = await StartAsync("hello golden");
        await vm.Screen.ShouldMatchGoldenAsync("hello", cancellationToken: Token);
        int before = vm.Screen.Captures;
        long began = Stopwatch.GetTimestamp();

        Screenshot shot = await vm.Screen.ShouldMatchGoldenAsync("hello", cancellationToken: Token);

        (vm.Screen.Captures - before).Should().BeLessThanOrEqualTo(3);
        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(5), "it does not wait for its limit");
        shot.Should()
            .MatchGolden("hello")
            .And.MatchGolden("hello", new GoldenOptions { AntiAliasing = AntiAliasing.Compare, Tolerance = 0 });
    }

    [Fact]
    public async Task A_screen_that_becomes_right_later_is_waited_for()
    {
        await using VirtualMachine vm = await StartAsync("not yet");
        await using GuestProcess later = await vm.Shell.StartAsync($"sleep 2; {Show("hello golden, at last")}", cancellationToken: Token);

        await vm.Screen.ShouldMatchGoldenAsync("later", cancellationToken: Token);
    }

    [Fact]
    public async Task A_golden_is_clicked_on_where_it_has_moved_to()
    {
        await using VirtualMachine vm = await StartAsync("[ OK ]");
        var options = new GoldenOptions { MatchAreas = [new ScreenArea(0, 0, 48, 16)], SearchMargin = 40 };
        (await vm.Screen.ClickOnGoldenAsync("button", options, Token)).Should().Be((24, 8));
        await vm.Shell.RunAsync(Show(@"\n\n  [ OK ]"), cancellationToken: Token);

        (await vm.Screen.ClickOnGoldenAsync("button", options, Token)).Should().Be((24 + 16, 8 + 32));
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(StartMode.Warm)]
    [InlineData(StartMode.Cold)]
    public async Task A_golden_passes_on_a_machine_that_started_warm_or_cold(StartMode start)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Start = start }, cancellationToken: Token);
        await vm.Shell.RunAsync(Show("one golden for both"), cancellationToken: Token);

        await vm.Screen.ShouldMatchGoldenAsync("both", cancellationToken: Token);
    }

    [Fact]
    public async Task A_word_in_another_colour_fails_with_the_place()
    {
        await using VirtualMachine vm = await StartAsync(@"all is \033[31mwell\033[37m");
        await vm.Screen.ShouldMatchGoldenAsync("red", cancellationToken: Token);
        await vm.Shell.RunAsync(Show(@"all is \033[32mwell\033[37m"), cancellationToken: Token);

        Func<Task> match = () => vm.Screen.ShouldMatchGoldenAsync("red", new GoldenOptions { Timeout = TimeSpan.FromSeconds(1) }, Token);

        GoldenMismatchException failure = (await match.Should().ThrowAsync<GoldenMismatchException>()).Which;
        failure
            .Message.Should()
            .StartWith($"Machine '{vm.Name}': the screen does not match the golden 'red'.\nWaited: ")
            .And.MatchRegex("Largest area: [23][0-9]×1[0-6] at 5[0-9],[0-9] \\(top left\\)");
        File.Exists(failure.ReceivedFile).Should().BeTrue();
        File.Exists(failure.DifferenceFile).Should().BeTrue();
        // It was meant to fail.
        await vm.Shell.RunAsync(Show(@"all is \033[31mwell\033[37m"), cancellationToken: Token);
        await vm.Screen.ShouldMatchGoldenAsync("red", cancellationToken: Token);
        File.Exists(failure.ReceivedFile).Should().BeFalse();
    }

    [Fact]
    public async Task A_machine_that_ends_ends_the_wait()
    {
        await using VirtualMachine vm = await StartAsync("soon gone");
        Task<Screenshot> wait = vm.Screen.ShouldMatchGoldenAsync("hello", new GoldenOptions { Timeout = TimeSpan.FromMinutes(5) }, Token);
        await vm.KillAsync();

        await wait.Invoking(async task => await task)
            .Should()
            .ThrowAsync<MachineExitedException>()
            .WithMessage("*the golden 'hello' on the screen*");
    }

    [Fact]
    public async Task The_reader_agrees_with_QEMU_on_the_pixels_of_a_frame()
    {
        await using VirtualMachine vm = await StartAsync(@"\033[31mred \033[32mgreen \033[34mblue \033[1;33myellow\033[0;37m");
        await vm.Screen.ShouldMatchGoldenAsync("colours", cancellationToken: Token);

        Screenshot shot = await vm.Screen.CaptureAsync(Token);
        await vm.Monitor.ExecuteAsync("screendump", new JsonObject { ["filename"] = "frame.ppm", ["format"] = "ppm" }, Token);
        byte[] portable = await File.ReadAllBytesAsync(Path.Combine(vm.Folder, "frame.ppm"), Token);

        PixelImage picture = PngFile.Read(shot.Png.Span, "screen");
        picture.Pixels.Should().Equal(shot.DecodePixels());
        byte[] header = "P6\n1024 768\n255\n"u8.ToArray();
        portable[..header.Length].Should().Equal(header);
        byte[] pixels = [.. picture.Pixels.SelectMany(pixel => new[] { (byte)(pixel >> 16), (byte)(pixel >> 8), (byte)pixel })];
        portable.AsSpan(header.Length).SequenceEqual(pixels).Should().BeTrue();
        picture.Pixels.Distinct().Count().Should().BeGreaterThan(4);
    }

    [Fact]
    public async Task A_commands_output_and_the_serial_log_have_goldens_too()
    {
        await using VirtualMachine vm = await StartAsync("text");
        (await vm.Shell.RunAsync("id; ls /sys/class/net", cancellationToken: Token)).Should().Succeed().And.MatchGolden("id");

        await vm.Shell.RunAsync(
            "echo '[   99.123456] eth0: 52:54:00:12:34:56 up'; echo 'sshd[42]: Server listening on 10.0.2.15' > /dev/ttyS0",
            cancellationToken: Token
        );
        await vm.Console.WaitForAsync("listening on", cancellationToken: Token);
        vm.Console.Log.Should().ContainInOrder("Linux version", "login:", "sshd[42]").And.HaveText("Server listening on 10.0.2.15");
    }

    private async Task<VirtualMachine> StartAsync(string text)
    {
        VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync(Show(text), cancellationToken: Token);
        return vm;
    }

    // The kernel says nothing more on the console; cursor off, everything erased.
    private static string Show(string text) => $"dmesg -n 1; printf '\\033[?25l\\033[2J\\033[H{text}\\n' > /dev/tty1";
}
