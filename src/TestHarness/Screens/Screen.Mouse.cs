using System.Globalization;
using TestHarness.Screens;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class Screen
{
    private static readonly TimeSpan MouseLimit = TimeSpan.FromSeconds(20);

    // A guest that gets a press and its release at once may see neither; people take longer, too.
    private static readonly TimeSpan BetweenActions = TimeSpan.FromMilliseconds(30);

    // Enough places on the way for programs that tell a drag from a click by its movement.
    private const int DragSteps = 8;

    private readonly Pointer _pointer;

    /// <summary>Moves the mouse pointer to a pixel of the screen.</summary>
    /// <param name="x">Pixels from the left.</param>
    /// <param name="y">Pixels from the top.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>A task for it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not on the screen.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, or the guest has no driver for the tablet
    /// (virtio_input).</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task MoveMouseAsync(int x, int y, CancellationToken cancellationToken = default) =>
        UseMouseAsync(Invariant($"move the mouse to {x},{y}"), (screen, token) => MoveAsync(x, y, screen, token), cancellationToken);

    /// <summary>Clicks at a pixel of the screen.</summary>
    /// <param name="x">Pixels from the left.</param>
    /// <param name="y">Pixels from the top.</param>
    /// <param name="button">The button. Default: the left one.</param>
    /// <param name="cancellationToken">Ends it; no button stays down.</param>
    /// <returns>A task for it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not on the screen.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, or the guest has no driver for the tablet
    /// (virtio_input).</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task ClickAsync(int x, int y, MouseButton button = MouseButton.Left, CancellationToken cancellationToken = default) =>
        UseMouseAsync(
            Invariant($"click at {x},{y}"),
            async (screen, token) =>
            {
                await MoveAsync(x, y, screen, token).ConfigureAwait(false);
                await ClickAsync(button, token).ConfigureAwait(false);
            },
            cancellationToken
        );

    /// <summary>Clicks twice at a pixel of the screen.</summary>
    /// <param name="x">Pixels from the left.</param>
    /// <param name="y">Pixels from the top.</param>
    /// <param name="cancellationToken">Ends it; no button stays down.</param>
    /// <returns>A task for it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not on the screen.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, or the guest has no driver for the tablet
    /// (virtio_input).</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task DoubleClickAsync(int x, int y, CancellationToken cancellationToken = default) =>
        UseMouseAsync(
            Invariant($"double click at {x},{y}"),
            async (screen, token) =>
            {
                await MoveAsync(x, y, screen, token).ConfigureAwait(false);
                await ClickAsync(MouseButton.Left, token).ConfigureAwait(false);
                await ClickAsync(MouseButton.Left, token).ConfigureAwait(false);
            },
            cancellationToken
        );

    /// <summary>Presses the left button at one pixel, moves to another, and releases it there.</summary>
    /// <param name="fromX">Where from: pixels from the left.</param>
    /// <param name="fromY">Where from: pixels from the top.</param>
    /// <param name="toX">Where to: pixels from the left.</param>
    /// <param name="toY">Where to: pixels from the top.</param>
    /// <param name="cancellationToken">Ends it; no button stays down.</param>
    /// <returns>A task for it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is not on the screen.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, or the guest has no driver for the tablet
    /// (virtio_input).</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task DragAsync(int fromX, int fromY, int toX, int toY, CancellationToken cancellationToken = default) =>
        UseMouseAsync(
            Invariant($"drag from {fromX},{fromY} to {toX},{toY}"),
            async (screen, token) =>
            {
                RequireOnScreen(toX, toY, screen);
                await MoveAsync(fromX, fromY, screen, token).ConfigureAwait(false);
                await HoldAsync(
                        MouseButton.Left,
                        async () =>
                        {
                            for (int step = 1; step <= DragSteps; step++)
                                await MoveAsync(
                                        fromX + ((toX - fromX) * step / DragSteps),
                                        fromY + ((toY - fromY) * step / DragSteps),
                                        screen,
                                        token
                                    )
                                    .ConfigureAwait(false);
                        },
                        token
                    )
                    .ConfigureAwait(false);
            },
            cancellationToken
        );

    /// <summary>Waits until the screen shows a text, and clicks in the middle of it.</summary>
    /// <param name="text">The text, compared exactly.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Where the text was.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display, or the guest has no driver for the tablet
    /// (virtio_input).</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the text that was on the screen.</exception>
    /// <exception cref="HostNotReadyException">The screen shows a picture, and tesseract is missing.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public async Task<ScreenArea> ClickOnAsync(string text, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ScreenText screen = await WaitForTextAsync(text, timeout, cancellationToken).ConfigureAwait(false);
        ScreenArea area = screen.Find(text)!.Value;
        await ClickAsync(area.X + (area.Width / 2), area.Y + (area.Height / 2), MouseButton.Left, cancellationToken).ConfigureAwait(false);
        return area;
    }

    private Task<bool> UseMouseAsync(string what, Func<RawFrame, CancellationToken, Task> action, CancellationToken cancellationToken)
    {
        RequireDisplay();
        return _machine.GuardAsync(
            what,
            _machine.Scaled(MouseLimit),
            async token =>
            {
                if (!await _pointer.IsHeardAsync(token).ConfigureAwait(false))
                {
                    throw new InvalidOperationException(
                        $"Machine '{_machine.Name}' has no driver for its tablet, so it sees no mouse: load virtio_input in the "
                            + "guest, or wait until it has booted."
                    );
                }

                await action(await CaptureRawAsync(token).ConfigureAwait(false), token).ConfigureAwait(false);
                return true;
            },
            cancellationToken
        );
    }

    private async Task MoveAsync(int x, int y, RawFrame screen, CancellationToken cancellationToken)
    {
        RequireOnScreen(x, y, screen);
        await _pointer.MoveAsync(x, y, screen, cancellationToken).ConfigureAwait(false);
        await _machine.Time.Delay(BetweenActions, cancellationToken).ConfigureAwait(false);
    }

    private async Task ClickAsync(MouseButton button, CancellationToken cancellationToken)
    {
        await HoldAsync(button, () => _machine.Time.Delay(BetweenActions, cancellationToken), cancellationToken).ConfigureAwait(false);
        await _machine.Time.Delay(BetweenActions, cancellationToken).ConfigureAwait(false);
    }

    private async Task HoldAsync(MouseButton button, Func<Task> meanwhile, CancellationToken cancellationToken)
    {
        await _pointer.ButtonAsync(button, down: true, cancellationToken).ConfigureAwait(false);
        try
        {
            await meanwhile().ConfigureAwait(false);
        }
        finally
        {
            // Also where nobody waits any more; the monitor has a limit of its own.
            await _pointer.ButtonAsync(button, down: false, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private static void RequireOnScreen(int x, int y, RawFrame screen)
    {
        if (x < 0 || y < 0 || x >= screen.Width || y >= screen.Height)
            throw new ArgumentOutOfRangeException(
                nameof(x),
                Invariant($"{x},{y}"),
                Invariant($"The screen has {screen.Width}x{screen.Height} pixels.")
            );
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
