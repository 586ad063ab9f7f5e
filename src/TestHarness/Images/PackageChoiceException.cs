namespace TestHarness.Images;

/// <summary>A package is not known, or does not go with the others. The message is apt's own words.</summary>
internal sealed class PackageChoiceException(string message) : Exception(message);
