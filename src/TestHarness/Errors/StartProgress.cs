namespace TestHarness;

/// <summary>One step on the way to a machine that answers; the same steps serve a progress bar, a CI log and the failure text.</summary>
/// <param name="Step">What is being done, such as <c>image tiny: packages</c>.</param>
/// <param name="Detail">A line of detail from the program that does it, or <see langword="null"/>.</param>
/// <param name="Fraction">How much of the step is done, 0 to 1, or <see langword="null"/> where nobody knows.</param>
public sealed record StartProgress(string Step, string? Detail = null, double? Fraction = null);
