using System.Text.RegularExpressions;
using TestHarness.Screens;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class Screen
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan TextLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan LastLook = TimeSpan.FromMilliseconds(500);

    private readonly ScreenReader _reader;

    /// <summary>
    /// Reads the text on the screen: exactly from VGA text memory or from Linux's console where the screen shows one of these, and
    /// otherwise with tesseract, which must be installed then. <see cref="ScreenText.Source"/> tells which.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The text.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="HostNotReadyException">The screen shows a picture, and tesseract is missing.</exception>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public Task<ScreenText> ReadTextAsync(CancellationToken cancellationToken = default)
    {
        RequireDisplay();
        return _machine.GuardAsync("the text on the screen", _machine.Scaled(ReadLimit), ReadTextNowAsync, cancellationToken);
    }

    /// <summary>Waits until the screen shows a text, within a line.</summary>
    /// <param name="text">The text, compared exactly.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The text of the whole screen, which says how it was read.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the text that was on the screen.</exception>
    /// <exception cref="HostNotReadyException">The screen shows a picture, and tesseract is missing.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<ScreenText> WaitForTextAsync(string text, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return WaitForTextAsync($"\"{text}\"", screen => screen.Find(text) is not null, timeout, cancellationToken);
    }

    /// <summary>Waits until the screen shows a match; lines end with <c>\n</c>.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="timeout">The limit. Default: 2 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The text of the whole screen, which says how it was read.</returns>
    /// <exception cref="InvalidOperationException">The machine has no display.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out; the message has the text that was on the screen.</exception>
    /// <exception cref="HostNotReadyException">The screen shows a picture, and tesseract is missing.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task<ScreenText> WaitForTextAsync(Regex pattern, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return WaitForTextAsync($"/{pattern}/", screen => pattern.IsMatch(screen.Text), timeout, cancellationToken);
    }

    private Task<ScreenText> WaitForTextAsync(
        string what,
        Func<ScreenText, bool> isThere,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
    {
        RequireDisplay();
        ScreenText? seen = null;
        return _machine.GuardAsync(
            $"{what} on the screen",
            timeout ?? _machine.Scaled(TextLimit),
            async token =>
            {
                for (TimeSpan pause = FirstLook; ; pause = pause * 1.5 < LastLook ? pause * 1.5 : LastLook)
                {
                    seen = await TryReadTextNowAsync(token).ConfigureAwait(false) ?? seen;
                    if (seen is not null && isThere(seen))
                        return seen;
                    await _machine.Time.Delay(pause, token).ConfigureAwait(false);
                }
            },
            cancellationToken,
            lastSeen: () =>
                seen is null
                    ? "the screen could not be read yet"
                    : $"({Words(seen.Source)})\n{(seen.Text.Length == 0 ? "(no text)" : seen.Text)}"
        );
    }

    // On its way up a guest shows this and that; what can't be read there is not what is waited for.
    private async Task<ScreenText?> TryReadTextNowAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ReadTextNowAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (HostNotReadyException) when (_machine.State is MachineState.Starting)
        {
            return null;
        }
    }

    private async Task<ScreenText> ReadTextNowAsync(CancellationToken cancellationToken)
    {
        if (await _reader.TryReadAsync(cancellationToken).ConfigureAwait(false) is { } text)
            return text;
        Screenshot shot = await CaptureNowAsync(cancellationToken).ConfigureAwait(false);
        return await Tesseract.ReadAsync(shot.Pixels, _machine.OwnFolder, cancellationToken).ConfigureAwait(false);
    }

    private static string Words(ScreenTextSource source) =>
        source switch
        {
            ScreenTextSource.VgaMemory => "from VGA text memory",
            ScreenTextSource.LinuxConsole => "from Linux's console",
            _ => "recognised by tesseract",
        };
}
