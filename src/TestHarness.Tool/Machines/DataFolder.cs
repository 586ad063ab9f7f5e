using TestHarness.Hosts;

namespace TestHarness.Tool.Machines;

/// <summary>Where named machines are kept.</summary>
internal static class DataFolder
{
    /// <summary>
    /// Gets the folder: <c>TESTHARNESS_DATA</c>; as root one that QEMU's unprivileged user can reach; else the user's own.
    /// </summary>
    public static string Path =>
        System.IO.Path.GetFullPath(
            EnvironmentVariables.Data
                ?? (QemuUser.IsOther ? "/var/lib/testharness" : System.IO.Path.Combine(UserFolder.Data, "testharness"))
        );

    public static string Machines => System.IO.Path.Combine(Path, "machines");
}
