using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>
/// Where a user's own files belong (XDG Base Directory Specification): what <c>XDG_…_HOME</c> says, else below the home folder. A
/// relative path there is none, as the specification has it. Never below the current folder.
/// </summary>
internal static class UserFolder
{
    /// <exception cref="HostNotReadyException">The user has no home folder.</exception>
    public static string Cache => Find(EnvironmentVariables.XdgCacheHome, ".cache", "TESTHARNESS_CACHE, XDG_CACHE_HOME or HOME");

    /// <exception cref="HostNotReadyException">The user has no home folder.</exception>
    public static string Data => Find(EnvironmentVariables.XdgDataHome, ".local/share", "TESTHARNESS_DATA, XDG_DATA_HOME or HOME");

    /// <exception cref="HostNotReadyException">The user has no home folder.</exception>
    public static string Configuration => Find(EnvironmentVariables.XdgConfigHome, ".config", "XDG_CONFIG_HOME or HOME");

    /// <summary>Gets a value indicating whether there can be a configuration.</summary>
    public static bool HasConfiguration => TryFind(EnvironmentVariables.XdgConfigHome, ".config") is not null;

    private static string? TryFind(string? own, string below)
    {
        if (own is not null && Path.IsPathRooted(own))
            return own;
        // Empty where HOME is set to what is not there; without HOME it is the one that the user database names.
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.IsPathRooted(home) ? Path.Combine(home, below) : null;
    }

    private static string Find(string? own, string below, string variables) =>
        TryFind(own, below)
        ?? throw new HostNotReadyException(
            new FailureText("This user has no home folder.")
                .Add("HOME", EnvironmentVariables.Home is { } set ? $"{set} (no such folder, or no absolute path)" : "(not set)")
                .Try($"set {variables} to an absolute path of a folder that this user can write.")
        );
}
