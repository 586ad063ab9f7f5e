using System.Globalization;
using TestHarness.Screens;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class Screen
{
    private static readonly TimeSpan StillLimit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestLook = TimeSpan.FromMilliseconds(100);

    /// <summary>Gets the size that the screen has now: the guest chooses it, and may change it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The size.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task<ScreenSize> GetSizeAsync(CancellationToken cancellationToken = default)
    {
        RequireDisplay();
        return _machine.GuardAsync(
            "the screen's size",
            _machine.Scaled(CaptureLimit),
            async token =>
            {
                RawFrame frame = await CaptureRawAsync(token).ConfigureAwait(false);
                return new ScreenSize(frame.Width, frame.Height);
            },
            cancellationToken
        );
    }

    /// <summary>
    /// Waits until the screen has not changed for a time. Two pictures that take turns, as with a cursor that blinks, are no change.
    /// </summary>
    /// <param name="stillFor">The time without a change: longer than what the guest takes from one step to the next.</param>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A screenshot of the still screen.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<Screenshot> WaitForStillAsync(TimeSpan stillFor, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stillFor, TimeSpan.Zero);
        RequireDisplay();
        TimeSpan pause = TimeSpan.FromTicks(Math.Clamp((stillFor / 10).Ticks, ShortestLook.Ticks, LongestLook.Ticks));
        int changes = 0;
        long changed = _machine.Time.GetTimestamp();
        return _machine.GuardAsync(
            string.Create(CultureInfo.InvariantCulture, $"a screen that is still for {stillFor.TotalSeconds:0.##} s"),
            timeout ?? _machine.Scaled(StillLimit),
            async token =>
            {
                RawFrame? last = null,
                    other = null;
                while (true)
                {
                    RawFrame frame = await CaptureRawAsync(token).ConfigureAwait(false);
                    if (last?.Equals(frame) != true && other?.Equals(frame) != true)
                    {
                        (last, other) = (frame, last);
                        changed = _machine.Time.GetTimestamp();
                        changes++;
                    }
                    else if (_machine.Time.GetElapsedTime(changed) >= stillFor)
                    {
                        return await CaptureNowAsync(token).ConfigureAwait(false);
                    }

                    await _machine.Time.Delay(pause, token).ConfigureAwait(false);
                }
            },
            cancellationToken,
            lastSeen: () =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{changes} different pictures, the last new one {_machine.Time.GetElapsedTime(changed).TotalSeconds:0.##} s ago"
                )
        );
    }
}
