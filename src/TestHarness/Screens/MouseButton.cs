namespace TestHarness;

/// <summary>A button of the mouse.</summary>
public enum MouseButton
{
    /// <summary>The left one.</summary>
    Left,

    /// <summary>The one in the middle.</summary>
    Middle,

    /// <summary>The right one.</summary>
    Right,
}
