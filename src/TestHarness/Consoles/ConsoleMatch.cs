namespace TestHarness;

/// <summary>Which of several texts the serial console showed.</summary>
/// <param name="Index">Its place in the list that was asked for.</param>
/// <param name="Text">What was shown; of a pattern, what matched.</param>
public sealed record ConsoleMatch(int Index, string Text);
