namespace TestHarness.Hosts;

/// <summary>Every environment variable that the library reads (docs/environment.md has the same table).</summary>
internal static class EnvironmentVariables
{
    // What GitHub sets, what xunit's reporters go by, and DiffEngine; the last has a list of its own, too, but does not know CI, and looks
    // once only.
    private static readonly string[] BuildServers =
    [
        "CI",
        "GITHUB_ACTIONS",
        "GITHUB_ACTION",
        "GITLAB_CI",
        "TF_BUILD",
        "BUILD_BUILDID",
        "TEAMCITY_VERSION",
        "TEAMCITY_PROJECT_NAME",
        "APPVEYOR",
        "APPVEYOR_API_URL",
        "JENKINS_URL",
        "TRAVIS",
        "TRAVIS_BUILD_ID",
        "CIRCLECI",
        "GO_SERVER_URL",
        "BUILDKITE",
        "CODEBUILD_BUILD_ID",
    ];

    /// <summary>Folder for images.</summary>
    public static string? Cache => Read("TESTHARNESS_CACHE");

    /// <summary>Folder for what running machines need; short, because unix socket paths end at 107 bytes.</summary>
    public static string? Run => Read("TESTHARNESS_RUN");

    /// <summary>Folder for the machines that <c>testvm</c> keeps.</summary>
    public static string? Data => Read("TESTHARNESS_DATA");

    /// <summary>Debian mirror to build images from, where the host's own package sources do not have the suite.</summary>
    public static string? Mirror => Read("TESTHARNESS_MIRROR");

    /// <summary>Room for warm templates, in MiB.</summary>
    public static string? TemplatesMiB => Read("TESTHARNESS_TEMPLATES_MIB");

    /// <summary>How much memory all machines of the user may take together, in MiB.</summary>
    public static string? MemoryMiB => Read("TESTHARNESS_MEMORY_MIB");

    /// <summary>How many virtual CPUs all machines of the user may take together.</summary>
    public static string? Cpus => Read("TESTHARNESS_CPUS");

    /// <summary>Folder for the evidence of failed tests.</summary>
    public static string? Artifacts => Read("TESTHARNESS_ARTIFACTS");

    /// <summary>Evidence of tests that passed is kept, too.</summary>
    public static bool Keep => IsSet("TESTHARNESS_KEEP");

    /// <summary>Machines of a failed test keep running until they are released.</summary>
    public static bool Hold => IsSet("TESTHARNESS_HOLD");

    /// <summary>What machines write is shown while it comes.</summary>
    public static bool Follow => IsSet("TESTHARNESS_FOLLOW");

    /// <summary>What kind of terminal the caller's is; the guest is told.</summary>
    public static string? Term => Read("TERM");

    /// <summary>Nothing that is shown at a terminal has colours (https://no-color.org).</summary>
    public static bool NoColor => Read("NO_COLOR") is not null;

    /// <summary>What is done with goldens: verify, missing, update or update-and-fail.</summary>
    public static string? Goldens => Read("TESTHARNESS_GOLDENS");

    /// <summary>A build server runs this: one of its variables is set, and neither to 0 nor to false.</summary>
    public static bool IsBuildServer => BuildServers.Any(IsSet);

    /// <summary>The user's home folder.</summary>
    public static string? Home => Read("HOME");

    public static string? XdgCacheHome => Read("XDG_CACHE_HOME");

    public static string? XdgConfigHome => Read("XDG_CONFIG_HOME");

    public static string? XdgDataHome => Read("XDG_DATA_HOME");

    public static string? XdgRuntimeDirectory => Read("XDG_RUNTIME_DIR");

    /// <summary>
    /// Those that say where things are, and the one that says where .NET is: for a process that is started from elsewhere and is to find
    /// the same.
    /// </summary>
    public static IEnumerable<(string Name, string Value)> Places =>
        from name in (string[])["TESTHARNESS_CACHE", "TESTHARNESS_RUN", "TESTHARNESS_DATA", "XDG_CACHE_HOME", "DOTNET_ROOT"]
        let value = Read(name)
        where value is not null && (Path.IsPathRooted(value) || name != "XDG_CACHE_HOME")
        select (name, Path.GetFullPath(value));

    /// <summary>
    /// Those that programs of the host get which the library starts, as they are set: where things are, and how the network is reached.
    /// What is set for a person's own use of these programs (<c>TAR_OPTIONS</c>, <c>RSYNC_*</c>, <c>APT_CONFIG</c>, <c>XZ_DEFAULTS</c>, a
    /// language) is not for them.
    /// </summary>
    public static IEnumerable<(string Name, string Value)> ForHelpers =>
        from name in (string[])
            [
                "PATH",
                "HOME",
                "USER",
                "LOGNAME",
                "TMPDIR",
                "LD_LIBRARY_PATH",
                "TESSDATA_PREFIX",
                "http_proxy",
                "https_proxy",
                "ftp_proxy",
                "all_proxy",
                "no_proxy",
                "HTTP_PROXY",
                "HTTPS_PROXY",
                "FTP_PROXY",
                "ALL_PROXY",
                "NO_PROXY",
            ]
        let value = Read(name)
        where value is not null
        select (name, value);

    private static bool IsSet(string name) =>
        Read(name) is { } value && value != "0" && !value.Equals("false", StringComparison.OrdinalIgnoreCase);

    private static string? Read(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
