using TestHarness.Evidence;
using TestHarness.Hosts;

namespace TestHarness;

/// <summary>What the environment asks for when a test fails. Test frameworks follow it; <c>TestHarness.Xunit</c> does.</summary>
public static class EvidenceSettings
{
    /// <summary>
    /// Gets where bundles of evidence go: <c>TESTHARNESS_ARTIFACTS</c>, or <c>TestResults/testharness</c> below the current directory.
    /// </summary>
    /// <remarks>In the latter, what runs of more than a week ago left is deleted, but for the last ten.</remarks>
    public static string Folder => Path.GetFullPath(EnvironmentVariables.Artifacts ?? Path.Combine("TestResults", "testharness"));

    /// <summary>Gets a value indicating whether evidence of tests that passed is kept, too: <c>TESTHARNESS_KEEP=1</c>.</summary>
    public static bool KeepsAll => EnvironmentVariables.Keep;

    /// <summary>
    /// Gets a value indicating whether the machines of a failed test keep running until they are released: <c>TESTHARNESS_HOLD=1</c>.
    /// </summary>
    public static bool Holds => EnvironmentVariables.Hold;

    /// <summary>Gets a value indicating whether what machines write is shown while it comes: <c>TESTHARNESS_FOLLOW=1</c>.</summary>
    public static bool Follows => EnvironmentVariables.Follow;

    /// <summary>
    /// Makes a new folder for one bundle: <see cref="Folder"/>, then a folder of this process, then one named after test and machine. No
    /// two calls return the same, and none one of an earlier run.
    /// </summary>
    /// <param name="test">The test's name; what does not fit into a file's name is replaced.</param>
    /// <param name="machine">The machine's name.</param>
    /// <returns>The folder. Below the temporary folder where the place can't be written to.</returns>
    public static string MakeFolder(string test, string machine) => BundleFolders.Make(test, machine);

    /// <summary>
    /// Names a folder as <see cref="MakeFolder"/> would make it, for evidence that may not be needed. Nothing is made; no other call
    /// returns the same.
    /// </summary>
    /// <param name="test">The test's name; what does not fit into a file's name is replaced.</param>
    /// <param name="machine">The machine's name.</param>
    /// <returns>The folder.</returns>
    public static string NameFolder(string test, string machine) => BundleFolders.Name(Folder, test, machine);
}
