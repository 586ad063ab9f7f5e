namespace TestHarness;

/// <summary>A line that a command in the guest wrote.</summary>
/// <param name="Stream">Where it was written.</param>
/// <param name="Text">The line without its end.</param>
public sealed record OutputLine(OutputStream Stream, string Text);
