namespace TestHarness.Images;

/// <summary>What packages are fetched for.</summary>
/// <param name="Distribution">The <c>ID</c> of its os-release, such as <c>debian</c>.</param>
/// <param name="Suite">The <c>VERSION_CODENAME</c> of its os-release, such as <c>bookworm</c>.</param>
/// <param name="Architecture">dpkg's name of its architecture.</param>
/// <param name="Status">dpkg's status file: what is installed already.</param>
internal sealed record GuestSystem(string Distribution, string Suite, string Architecture, string Status);
