using System.Text.RegularExpressions;

namespace TestHarness;

/// <summary>
/// Lines of a golden text that may come in any order: those between a line that matches one pattern and the next line that matches another.
/// </summary>
/// <param name="Begin">The pattern of the line before; that line stays where it is.</param>
/// <param name="End">The pattern of the line behind; without one the block goes on to the end.</param>
public sealed record UnorderedBlock(Regex Begin, Regex? End = null);
