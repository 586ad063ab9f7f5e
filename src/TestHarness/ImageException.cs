namespace TestHarness;

/// <summary>An image is unknown, its recipe has mistakes, or building it failed.</summary>
public sealed class ImageException : TestHarnessException
{
    internal ImageException(string image, FailureText text, Exception? innerException = null)
        : base(text, FailureOutcome.InfrastructureFailed, innerException) => Image = image;

    /// <summary>Gets the image's name as the caller gave it.</summary>
    public string Image { get; }
}
