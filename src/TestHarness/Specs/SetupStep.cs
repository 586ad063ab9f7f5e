using TestHarness.Specs;

namespace TestHarness;

/// <summary>
/// One step of setting a machine up (<see cref="MachineSpec.Setup"/>). What it leaves in the guest (memory, processes, disks) is kept as a
/// layer, which later machines go on from: the step runs once, until it or one before it changes. It runs as <c>root</c> and sees the
/// image's host name, for a machine gets its own name after its set-up.
/// </summary>
public abstract record SetupStep
{
    // A title is a line of progress.
    private const int LongestTitle = 100;

    private protected SetupStep() { }

    /// <summary>Gets a name that progress and failures show. Default: <see langword="null"/>, what the step does.</summary>
    public string? Name { get; init; }

    /// <summary>
    /// Gets the limit. Default: <see langword="null"/>, 10 minutes, longer on a slow host; for the steps that wait 2 minutes.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>What progress and failures show; with the secrets in it.</summary>
    internal string Title => Name ?? Shortened(Describe());

    /// <summary>Whether it is a step of a cluster, and not of one machine.</summary>
    internal virtual bool IsOfCluster => false;

    /// <summary>What of the step, beside the host's files that it reads, decides what it leaves in the guest.</summary>
    internal abstract IEnumerable<string?> Content { get; }

    /// <summary>
    /// Installs packages of the guest's distribution with what they depend on. The host fetches them from its own package sources, or from
    /// <c>TESTHARNESS_MIRROR</c>; the guest needs no network. The guest is a Debian, or one of its kind, with <c>apt-get</c>.
    /// </summary>
    /// <param name="packages">Their names; a version may follow a <c>=</c>.</param>
    /// <returns>The step.</returns>
    public static InstallStep Install(params IReadOnlyList<string> packages) => new(packages);

    /// <summary>Copies a file or a folder of the host's into the guest, as <see cref="GuestFiles.PushAsync"/> does.</summary>
    /// <param name="hostPath">The path on the host; with a trailing slash what is in the folder. A relative one begins at the current
    /// directory; what is not there is looked for beside the project's file.</param>
    /// <param name="guestPath">The absolute path in the guest.</param>
    /// <param name="options">How. Default: as for <see cref="GuestFiles.PushAsync"/>.</param>
    /// <returns>The step.</returns>
    public static PushStep Push(string hostPath, string guestPath, SyncOptions? options = null) =>
        new(hostPath, guestPath) { Options = options ?? SyncOptions.Default };

    /// <summary>Writes a text file in the guest; the folders on the way are made.</summary>
    /// <param name="guestPath">The absolute path.</param>
    /// <param name="content">What is in it, in UTF-8.</param>
    /// <param name="options">How. Default: permissions 0644, owner root.</param>
    /// <returns>The step.</returns>
    public static WriteStep Write(string guestPath, string content, GuestFileOptions? options = null) =>
        new(guestPath, content) { Options = options ?? GuestFileOptions.Default };

    /// <summary>Runs a command in the guest's shell; any exit code but 0 fails the set-up.</summary>
    /// <param name="command">The command, as a shell takes it.</param>
    /// <returns>The step.</returns>
    public static RunStep Run(string command) => new(command);

    /// <summary>Waits until a systemd unit is active.</summary>
    /// <param name="unit">The unit.</param>
    /// <returns>The step.</returns>
    public static WaitStep WaitForUnit(string unit) => new(WaitKind.Unit, unit);

    /// <summary>Waits until something in the guest takes connections on a TCP port of its 127.0.0.1 or ::1.</summary>
    /// <param name="port">The port.</param>
    /// <returns>The step.</returns>
    public static WaitStep WaitForPort(int port) => new(WaitKind.Port, FormattableString.Invariant($"{port}"));

    /// <summary>Waits until a path exists in the guest.</summary>
    /// <param name="path">The absolute path.</param>
    /// <returns>The step.</returns>
    public static WaitStep WaitForFile(string path) => new(WaitKind.File, path);

    /// <summary>Waits until the serial console shows a text; what it showed before the step counts, too.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The step.</returns>
    public static WaitStep WaitForText(string text) => new(WaitKind.Text, text);

    /// <summary>Waits until a web server in the guest answers a GET with a status of 200 to 299.</summary>
    /// <param name="address">The address as the guest sees it, such as <c>http://127.0.0.1:8080/health</c>; <c>http</c> only.</param>
    /// <returns>The step.</returns>
    public static WaitStep WaitForHttp(string address) => new(WaitKind.Http, address);

    /// <summary>Waits until a line of the guest's journal since its boot has a text in it.</summary>
    /// <param name="text">The text, literally.</param>
    /// <returns>The step.</returns>
    public static WaitStep WaitForJournal(string text) => new(WaitKind.Journal, text);

    /// <summary>Restarts the guest in an orderly way, and waits until it is up.</summary>
    /// <returns>The step.</returns>
    public static RebootStep Reboot() => new();

    /// <summary>
    /// Puts the host's own shared .NET runtime, the one that runs this process, into the guest below <c>/usr/share/dotnet</c>, with
    /// <c>/usr/bin/dotnet</c>: what a framework-dependent program needs. In a Debian guest it also installs the libraries that the runtime
    /// loads. The guest has the host's architecture and glibc.
    /// </summary>
    /// <param name="aspNetCore">Whether ASP.NET Core's comes with it.</param>
    /// <returns>The step.</returns>
    public static DotNetRuntimeStep DotNetRuntime(bool aspNetCore = false) => new(aspNetCore);

    /// <summary>Runs a step on one machine of a cluster; for <see cref="ClusterSpec.Setup"/>.</summary>
    /// <param name="machine">The machine's name in the cluster.</param>
    /// <param name="step">The step.</param>
    /// <returns>The step.</returns>
    public static OnStep On(string machine, SetupStep step) => new(machine, step);

    /// <summary>Says what the step does, in one line or more.</summary>
    private protected abstract string Describe();

    private static string Shortened(string text)
    {
        string line = text.Trim() is var trimmed && trimmed.IndexOf('\n') is >= 0 and var end ? $"{trimmed[..end].TrimEnd()} …" : trimmed;
        return line.Length <= LongestTitle ? line : $"{line[..LongestTitle]}…";
    }
}
