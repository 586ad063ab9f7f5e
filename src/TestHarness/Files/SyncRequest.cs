namespace TestHarness.Files;

/// <summary>What is to be copied, which way and how. Pure.</summary>
internal sealed record SyncRequest(bool IsPush, string HostPath, string GuestPath, SyncOptions Options)
{
    /// <summary>User and group of pushed files; root where nothing was said.</summary>
    public (string User, string Group) Owners
    {
        get
        {
            string[] parts = (Options.Owner ?? "").Split(':', 2);
            return (parts[0] is { Length: > 0 } user ? user : "root", parts is [_, { Length: > 0 } group] ? group : "root");
        }
    }

    /// <summary>
    /// Gets the same, but for links of the source: those that are to be followed were, and what is a link all the same is none of the
    /// host's to follow.
    /// </summary>
    public SyncRequest Followed =>
        Options.Links is SymbolicLinks.Follow ? this with { Options = Options with { Links = SymbolicLinks.Keep } } : this;

    /// <summary>Whether a push by tar looks at the target first: it costs a copy of that.</summary>
    public bool ComparesByTar => Options.Delete || Options.DryRun;

    /// <summary>The folder of the guest to be in, and what to take from there: <c>.</c> for all that is in it.</summary>
    public (string Parent, string Name) GuestSource
    {
        get
        {
            int slash = GuestPath.LastIndexOf('/');
            string name = GuestPath[(slash + 1)..];
            return name is "" or "." or ".." ? (GuestPath, ".") : ($"{GuestPath[..slash]}/", name);
        }
    }

    /// <summary>rsync's arguments, but for the paths and what belongs to one direction.</summary>
    public string[] Arguments(bool withProgress) =>
        [
            // No owner unless asked for, no devices or special files: the receiver decides, and a guest can't make device nodes on a host
            // that runs as root.
            "-rlpt",
            "--whole-file",
            RsyncReport.Format,
            .. Options.Exclude.Select(pattern => $"--exclude={pattern}"),
            .. Options.Delete ? (string[])["--delete"] : [],
            .. Options.Permissions is { } permissions ? (string[])[$"--chmod={permissions}"] : [],
            .. Options.Links switch
            {
                SymbolicLinks.Inside => (string[])["--safe-links"],
                SymbolicLinks.Follow => ["--copy-links"],
                _ => [],
            },
            // Holes travel as zeros, in many bytes unless they are compressed.
            .. Options.Sparse ? (string[])["--sparse", "--compress"] : [],
            .. Options.DryRun ? (string[])["--dry-run"] : [],
            .. withProgress ? (string[])["--info=progress2", "--no-human-readable"] : [],
        ];

    /// <summary>rsync's paths, where <c>guest:</c> stands before that of the guest.</summary>
    public string[] Paths =>
        IsPush
            ?
            [
                .. Options.Owner is { } owner ? (string[])["--owner", "--group", $"--chown={owner}"] : [],
                "--mkpath",
                "--",
                HostPath,
                $"guest:{GuestPath}",
            ]
            // A program that the guest marked must not get the rights of whoever runs the tests.
            : ["--chmod=ug-s", "--", $"guest:{GuestPath}", HostPath];
}
