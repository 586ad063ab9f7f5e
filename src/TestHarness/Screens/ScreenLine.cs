namespace TestHarness.Screens;

/// <summary>A line of text on the screen.</summary>
/// <param name="Text">The text.</param>
/// <param name="Areas">Where each of its characters is.</param>
internal sealed record ScreenLine(string Text, IReadOnlyList<ScreenArea> Areas);
