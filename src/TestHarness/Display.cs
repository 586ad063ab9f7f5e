namespace TestHarness;

/// <summary>The machine's display.</summary>
public enum Display
{
    /// <summary>A standard VGA card. Linux has a console on it, and <see cref="Screen"/> captures it.</summary>
    Standard,

    /// <summary>No display.</summary>
    None,
}
