using System.Globalization;
using System.Runtime.CompilerServices;
using TestHarness.Evidence;
using TestHarness.Goldens;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class Screen
{
    private static readonly TimeSpan GoldenLimit = TimeSpan.FromSeconds(30);

    // Between frames: the guest, which shares the processor with us, must get on.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(150);

    // A screen without a golden is what it shows when it has not changed for so long.
    private static readonly TimeSpan StillFor = TimeSpan.FromSeconds(1);

    private string[] Platforms =>
        [
            .. ((string[])[BundleFolders.Safe(Path.GetFileName(_machine.Spec.Image.TrimEnd('/'))), _machine.AcceleratorName]).Where(word =>
                !word.All(char.IsAsciiDigit) && !word.Contains('.', StringComparison.Ordinal)
            ),
        ];

    /// <summary>
    /// Waits until the screen matches a golden in two frames in a row, and returns at once. The golden is a file beside the test's source,
    /// <c>Class.Method.name.verified.png</c> (<see cref="Golden"/>).
    /// </summary>
    /// <remarks>Where there is no golden, or it is to be written anew (<c>TESTHARNESS_GOLDENS</c>), what counts is the screen once it has
    /// not changed for a second.</remarks>
    /// <param name="name">The golden's name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="options">How it is compared, and for how long.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <returns>The screenshot that matches; where a golden was written, that.</returns>
    /// <exception cref="GoldenMismatchException">The limit ran out and the screen does not match, or there is no golden.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public async Task<Screenshot> ShouldMatchGoldenAsync(
        string name,
        GoldenOptions? options = null,
        CancellationToken cancellationToken = default,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        options ??= new GoldenOptions();
        return await WaitForGoldenAsync(
                new PictureCheck(name, options, Platforms, new GoldenCaller(sourceFile, member)),
                name,
                options,
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Waits until the screen matches a golden, as <see cref="ShouldMatchGoldenAsync"/> does, and clicks on it: where it names a
    /// <c>click_point</c>, or else in the middle of its last match area, wherever that was found within its margin; of a golden without
    /// areas in the middle of the screen.
    /// </summary>
    /// <param name="name">The golden's name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="options">How it is compared, and for how long; <see cref="GoldenOptions.MatchAreas"/> or
    /// <see cref="GoldenOptions.NeedleFolder"/> say what to click on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <returns>Where it clicked: pixels from the left and from the top.</returns>
    /// <exception cref="GoldenMismatchException">The limit ran out and the screen does not match, or there is no golden.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, or the guest has no driver for the tablet
    /// (virtio_input).</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public async Task<(int X, int Y)> ClickOnGoldenAsync(
        string name,
        GoldenOptions? options = null,
        CancellationToken cancellationToken = default,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        options ??= new GoldenOptions();
        var check = new PictureCheck(name, options, Platforms, new GoldenCaller(sourceFile, member));
        Screenshot shot = await WaitForGoldenAsync(check, name, options, cancellationToken).ConfigureAwait(false);
        // A golden that was written just now has no areas yet.
        (int x, int y) = check.FindClickPoint(shot) ?? (shot.Width / 2, shot.Height / 2);
        await ClickAsync(x, y, MouseButton.Left, cancellationToken).ConfigureAwait(false);
        return (x, y);
    }

    private async Task<Screenshot> WaitForGoldenAsync(
        PictureCheck check,
        string name,
        GoldenOptions options,
        CancellationToken cancellationToken
    )
    {
        TimeSpan limit = options.Timeout ?? _machine.Scaled(GoldenLimit);
        RequireDisplay();
        // The guard's own limit is for a capture that hangs.
        return await _machine
            .GuardAsync(
                $"the golden '{name}' on the screen",
                limit + _machine.Scaled(CaptureLimit),
                token => PollAsync(check, limit, token),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private async Task<Screenshot> PollAsync(PictureCheck check, TimeSpan limit, CancellationToken cancellationToken)
    {
        bool mayWrite = check.MayWrite;
        long began = _machine.Time.GetTimestamp();
        long changed = began;
        Screenshot? last = null;
        bool lastMatched = false;
        for (int frames = 1; ; frames++)
        {
            Screenshot shot = await CaptureNowAsync(cancellationToken).ConfigureAwait(false);
            bool same = last is not null && shot.Pixels.Equals(last.Pixels);
            changed = same ? changed : _machine.Time.GetTimestamp();
            bool matched = same ? lastMatched : check.HasGolden && check.Matches(shot);
            if (matched && lastMatched)
            {
                check.Pass();
                return shot;
            }

            (last, lastMatched) = (shot, matched);
            TimeSpan elapsed = _machine.Time.GetElapsedTime(began);
            if (!matched && (elapsed >= limit || (mayWrite && _machine.Time.GetElapsedTime(changed) >= StillFor)))
            {
                check.Settle(
                    shot,
                    $"Machine '{_machine.Name}': the screen",
                    string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:0.#} s, {frames} frames")
                );
                return shot;
            }

            // Right once: the second look follows at once. Otherwise the longer it takes the less often.
            TimeSpan pause = matched
                ? ShortestPause
                : TimeSpan.FromTicks(Math.Clamp((elapsed / 10).Ticks, ShortestPause.Ticks, LongestPause.Ticks));
            await _machine.Time.Delay(pause, cancellationToken).ConfigureAwait(false);
        }
    }
}
