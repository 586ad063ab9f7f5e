namespace TestHarness;

/// <summary>The size of a screen.</summary>
/// <param name="Width">The width in pixels.</param>
/// <param name="Height">The height in pixels.</param>
public readonly record struct ScreenSize(int Width, int Height);
