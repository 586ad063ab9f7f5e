namespace TestHarness.Specs;

/// <summary>
/// What a command or transfer still does when its limit has run out or its caller has cancelled, each for a while at most. It is back
/// within 2 seconds of its limit, also where the guest or QEMU stands still and answers none of it: together these leave half a second to a
/// busy host.
/// </summary>
internal static class Aftermath
{
    /// <summary>For the guest to say that a killed command is gone. It was asked, and does it later where it is late.</summary>
    public static readonly TimeSpan Kill = TimeSpan.FromMilliseconds(500);

    /// <summary>For the guest to remove what a cut transfer has left. It goes on after that.</summary>
    public static readonly TimeSpan Removal = TimeSpan.FromMilliseconds(500);

    /// <summary>For QEMU to take a picture of the screen.</summary>
    public static readonly TimeSpan Picture = TimeSpan.FromMilliseconds(500);
}
