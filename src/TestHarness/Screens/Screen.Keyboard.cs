using System.Globalization;
using TestHarness.Screens;

namespace TestHarness;

public sealed partial class Screen
{
    private static readonly TimeSpan TypingLimit = TimeSpan.FromMinutes(1);

    // What a stroke may take of the limit: ten times what it takes on a busy host.
    private static readonly TimeSpan StrokeLimit = TimeSpan.FromMilliseconds(100);

    private readonly Keyboard _keyboard;
    private string _layout = "us";

    /// <summary>
    /// Gets or sets the layout that the guest's keyboard is set to: <c>us</c>, <c>gb</c>, <c>de</c>, <c>de-nodeadkeys</c> or <c>fr</c>. It
    /// says which keys make a character, and changes nothing in the guest. Default: <c>us</c>.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such layout.</exception>
    public string KeyboardLayout
    {
        get => _layout;
        set => _layout = Screens.KeyboardLayout.Of(value).Name;
    }

    /// <summary>
    /// Presses keys: <c>"enter"</c>, <c>"ctrl-alt-f2"</c> (held together), <c>"down down enter"</c> (one after the other). A character
    /// stands for the key that it is on in the layout. Returns when the guest has read them.
    /// </summary>
    /// <param name="keys">The keys.</param>
    /// <param name="options">Layout, pause, limit.</param>
    /// <param name="cancellationToken">Ends the wait; no key stays down.</param>
    /// <returns>A task for it.</returns>
    /// <exception cref="ArgumentException">There is no such key or layout.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, and so no keyboard.</exception>
    /// <exception cref="WaitTimeoutException">The guest does not read its keyboard.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task PressAsync(string keys, TypingOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(keys);
        options ??= TypingOptions.Default;
        return PressAsync(
            $"the guest to read the keys '{keys}'",
            KeyNames.Parse(keys, LayoutOf(options)),
            "keys",
            options,
            cancellationToken
        );
    }

    /// <summary>
    /// Types a text on the keyboard, a line end being Enter and <c>\t</c> Tab. Returns when the guest has read every key: none is lost,
    /// however slow it is.
    /// </summary>
    /// <param name="text">The text; may hold what the layout has keys for, and <c>\b</c> (Backspace) and <c>\x1b</c> (Escape).</param>
    /// <param name="options">Layout, pause, limit.</param>
    /// <param name="cancellationToken">Ends the typing; no key stays down.</param>
    /// <returns>A task for the typing.</returns>
    /// <exception cref="ArgumentException">The layout can't type a character, which is named; nothing was typed. Or there is no such
    /// layout.</exception>
    /// <exception cref="InvalidOperationException">The machine has no display, and so no keyboard.</exception>
    /// <exception cref="WaitTimeoutException">The guest does not read its keyboard; the message says how far it came.</exception>
    /// <exception cref="MachineExitedException">The machine ended first; thrown at once.</exception>
    public Task TypeAsync(string text, TypingOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        options ??= TypingOptions.Default;
        KeyStroke[] strokes = [.. LayoutOf(options).Spell(text).SelectMany(character => character)];
        return PressAsync(
            string.Create(CultureInfo.InvariantCulture, $"the guest to read a text of {text.Length} characters from its keyboard"),
            strokes,
            "keys of the text",
            options,
            cancellationToken
        );
    }

    private KeyboardLayout LayoutOf(TypingOptions options) => Screens.KeyboardLayout.Of(options.Layout ?? _layout);

    private Task<bool> PressAsync(
        string waitedFor,
        IReadOnlyList<KeyStroke> strokes,
        string what,
        TypingOptions options,
        CancellationToken cancellationToken
    )
    {
        RequireDisplay();
        int read = 0;
        return _machine.GuardAsync(
            waitedFor,
            options.Timeout ?? _machine.Scaled(TypingLimit + (strokes.Count * (options.Pause + StrokeLimit))),
            async token =>
            {
                await _keyboard.PressAsync(strokes, options.Pause, count => read = count, token).ConfigureAwait(false);
                return true;
            },
            cancellationToken,
            lastSeen: () =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{read} of {strokes.Count} {what} were read by the guest; it has not read the next"
                )
        );
    }
}
