namespace TestHarness.Screens;

/// <summary>Keys that are pressed one after the other and released in reverse, by QEMU's names (QKeyCode).</summary>
/// <param name="Keys">The keys: modifiers first.</param>
internal sealed record KeyStroke(IReadOnlyList<string> Keys)
{
    // E0 before the code of each key that the first PS/2 keyboards did not have (docs of the i8042, scan code set 2); a release is F0 and
    // the code.
    private static readonly HashSet<string> Extended = new(StringComparer.Ordinal)
    {
        "alt_r",
        "ctrl_r",
        "meta_l",
        "meta_r",
        "menu",
        "insert",
        "delete",
        "home",
        "end",
        "pgup",
        "pgdn",
        "up",
        "down",
        "left",
        "right",
        "kp_enter",
        "kp_divide",
    };

    // Print is four codes and Pause is eight.
    private const int Longest = 8;

    /// <summary>How many bytes it takes at most in the queue of a PS/2 keyboard.</summary>
    public int QueuedBytes =>
        Keys.Sum(key =>
            key is "print" or "pause" or "sysrq" ? 2 * Longest
            : Extended.Contains(key) ? 5
            : 3
        );
}
