using TestHarness.Errors;

namespace TestHarness;

/// <summary>A screen or a text is not what its golden says, or there is no golden yet, or it can't be read.</summary>
public sealed class GoldenMismatchException : TestHarnessException
{
    internal GoldenMismatchException(string goldenName, FailureText text, Exception? innerException = null)
        : base(text, FailureOutcome.AssertionFailed, innerException) => GoldenName = goldenName;

    /// <summary>Gets the golden's name.</summary>
    public string GoldenName { get; }

    /// <summary>Gets the golden's file, or <see langword="null"/> where there is none.</summary>
    public string? VerifiedFile { get; init; }

    /// <summary>Gets the file that has what came instead, or <see langword="null"/> where none was written.</summary>
    public string? ReceivedFile { get; init; }

    /// <summary>
    /// Gets the file with expected picture, actual picture and differences side by side; <see langword="null"/> for a text and where there
    /// is no golden.
    /// </summary>
    public string? DifferenceFile { get; init; }

    /// <summary>Gets how many pixels differ; 0 for a text.</summary>
    public int DifferentPixels { get; init; }

    /// <summary>Gets the places of the screen that differ, the one with most different pixels first; empty for a text.</summary>
    public IReadOnlyList<ScreenArea> DifferentAreas { get; init; } = [];
}
