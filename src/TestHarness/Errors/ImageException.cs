using TestHarness.Errors;

namespace TestHarness;

/// <summary>An image is unknown, its recipe has mistakes, building or fetching it failed, or its disk can't be used.</summary>
public sealed class ImageException : TestHarnessException
{
    internal ImageException(string image, FailureText text, Exception? innerException = null)
        : base(text, FailureOutcome.InfrastructureFailed, innerException) => Image = image;

    /// <summary>Gets the image's name as the caller gave it.</summary>
    public string Image { get; }
}
