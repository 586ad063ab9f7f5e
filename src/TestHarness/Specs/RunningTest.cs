namespace TestHarness.Specs;

/// <summary>What a test framework tells of the test that runs now: goldens and relative paths begin at its source file.</summary>
internal static class RunningTest
{
    public static Func<GoldenTest?>? Current { get; set; }
}
