using System.Buffers.Binary;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests;

public sealed class MouseTests(Tiny tiny)
{
    // linux/input-event-codes.h
    private const int Key = 1;
    private const int Absolute = 3;
    private const int ButtonLeft = 0x110;
    private const int ButtonRight = 0x111;
    private const int ButtonMiddle = 0x112;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_guest_sees_clicks_where_they_are_meant()
    {
        (int Type, int Code, int Value)[] seen = await RecordAsync(async screen =>
        {
            await screen.ClickAsync(0, 767, MouseButton.Right, Token);
            await screen.DoubleClickAsync(512, 384, Token);
        });

        seen.Where(happened => happened.Type == Key)
            .Should()
            .Equal(
                (Key, ButtonRight, 1),
                (Key, ButtonRight, 0),
                (Key, ButtonLeft, 1),
                (Key, ButtonLeft, 0),
                (Key, ButtonLeft, 1),
                (Key, ButtonLeft, 0)
            );
        // As a guest makes pixels of them.
        seen.Where(happened => happened is (Absolute, 0, _)).Select(happened => happened.Value * 1024 / 32768).Should().Equal(0, 512);
        seen.Where(happened => happened is (Absolute, 1, _)).Select(happened => happened.Value * 768 / 32768).Should().Equal(767, 384);
    }

    [Fact]
    public async Task A_drag_moves_with_the_button_down()
    {
        (int Type, int Code, int Value)[] seen = await RecordAsync(screen => screen.DragAsync(100, 100, 900, 100, Token));

        int[] across =
        [
            .. seen.SkipWhile(happened => happened is not (Key, ButtonLeft, 1))
                .TakeWhile(happened => happened is not (Key, ButtonLeft, 0))
                .Where(happened => happened is (Absolute, 0, _))
                .Select(happened => happened.Value * 1024 / 32768),
        ];
        across.Should().Equal(200, 300, 400, 500, 600, 700, 800, 900);
    }

    [Fact]
    public async Task Clicks_on_a_text()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await vm.Shell.RunAsync("printf '\\033[H\\033[2J\\033[20;41H<  OK  >' > /dev/tty1", cancellationToken: Token);

        ScreenArea area = await vm.Screen.ClickOnAsync("OK", cancellationToken: Token);

        area.Should().Be(new ScreenArea((40 + 3) * 8, 19 * 16, 16, 16));
    }

    [Fact]
    public async Task A_place_beside_the_screen_and_a_guest_without_the_driver_are_refused()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        await vm
            .Screen.Invoking(screen => screen.ClickAsync(1024, 0, cancellationToken: Token))
            .Should()
            .ThrowAsync<ArgumentOutOfRangeException>()
            .WithMessage("The screen has 1024x768 pixels.*1024,0*");
        await vm.Shell.RunAsync("rmmod virtio_input", cancellationToken: Token);
        await vm
            .Screen.Invoking(screen => screen.ClickAsync(1, 1, cancellationToken: Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("*virtio_input*");
    }

    private async Task<(int Type, int Code, int Value)[]> RecordAsync(Func<Screen, Task> act)
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await using GuestProcess recorder = await vm.Shell.StartAsync(
            "modprobe evdev; cd /sys/class/input; for e in event*; do [ \"$(cat $e/device/name)\" = 'QEMU Virtio Tablet' ] && "
                + "exec cat /dev/input/$e > /tmp/events; done",
            cancellationToken: Token
        );
        await vm.Shell.WaitForFileAsync("/tmp/events", TimeSpan.FromSeconds(20), cancellationToken: Token);
        await act(vm.Screen);
        // What comes last says that all else has come.
        await vm.Screen.ClickAsync(1023, 0, MouseButton.Middle, Token);
        while (true)
        {
            (int Type, int Code, int Value)[] events = [.. Events(await vm.Files.ReadBytesAsync("/tmp/events", cancellationToken: Token))];
            if (events.Contains((Key, ButtonMiddle, 0)))
                return [.. events.TakeWhile(happened => happened is not (Absolute, 0, >= 1023 * 32))];
        }
    }

    private static IEnumerable<(int Type, int Code, int Value)> Events(byte[] bytes)
    {
        const int EventSize = 24;
        return bytes
            .Chunk(EventSize)
            .Where(one => one.Length == EventSize)
            .Select(one =>
                (
                    (int)BinaryPrimitives.ReadUInt16LittleEndian(one.AsSpan(16)),
                    (int)BinaryPrimitives.ReadUInt16LittleEndian(one.AsSpan(18)),
                    BinaryPrimitives.ReadInt32LittleEndian(one.AsSpan(20))
                )
            );
    }
}
