namespace TestHarness;

/// <summary>Who failed, where a test did.</summary>
public enum FailureOutcome
{
    /// <summary>A check of the test's own did not hold.</summary>
    AssertionFailed,

    /// <summary>The guest, or a command in it, did not do what was asked.</summary>
    GuestFailed,

    /// <summary>The host, QEMU or an image stood in the way; the test says nothing about what it tests.</summary>
    InfrastructureFailed,
}
