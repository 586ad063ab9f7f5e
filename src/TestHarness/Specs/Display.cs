namespace TestHarness;

/// <summary>The machine's display.</summary>
public enum Display
{
    /// <summary>A standard VGA card. Linux has a console on it, and <see cref="Screen"/> captures it.</summary>
    Standard,

    /// <summary>
    /// The same card for screens that are compared: Linux's console has 1024x768 pixels and the kernel's own font of 8x16, shows no cursor
    /// until a program asks for one, which does not blink, and is never blanked; the kernel's messages go to the serial log alone. Needs
    /// <see cref="Firmware.Kernel"/>.
    /// </summary>
    Deterministic,

    /// <summary>No display.</summary>
    None,
}
