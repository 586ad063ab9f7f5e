using System.Globalization;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Tool;

/// <summary>What was found out of one thing that machines need.</summary>
/// <param name="What">Its name.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Text">What was found, as a clause.</param>
/// <param name="Remedy">What to do, or <see langword="null"/>.</param>
internal sealed record HostFinding(string What, HostVerdict Verdict, string Text, string? Remedy = null);

/// <summary>How a thing that machines need is.</summary>
internal enum HostVerdict
{
    Good,

    /// <summary>Machines run, but slower or with less.</summary>
    Degraded,

    /// <summary>No machine runs.</summary>
    Missing,
}

/// <summary>Looks at what the host has and lacks: measured, not assumed.</summary>
internal static class HostReport
{
    private const long LeastMemoryMiB = 1024;
    private const long LeastDiskMiB = 4 * 1024;

    private static readonly TimeSpan VersionLimit = TimeSpan.FromSeconds(5);

    // Without these a machine runs all the same: they build, pack and check images, read screens, or are for guests that are reached by
    // SSH.
    private static readonly string[] Optional =
    [
        "apt-get",
        "unshare",
        "xorriso",
        "mmdebstrap",
        "mke2fs",
        "xz",
        "newuidmap",
        "ssh",
        "ssh-keygen",
        "tesseract",
        "zstd",
        "gpgv",
    ];

    /// <summary>Gets the Debian packages of the programs that are missing.</summary>
    public static IReadOnlyList<string> MissingPackages() =>
        [
            .. Prerequisites
                .Survey()
                .Where(program => program.Path is null)
                .Select(program => program.Package)
                .Distinct(StringComparer.Ordinal),
        ];

    public static async Task<IReadOnlyList<HostFinding>> MakeAsync(CancellationToken cancellationToken)
    {
        List<HostFinding> findings = await ProgramsAsync(cancellationToken).ConfigureAwait(false);
        if (findings.TrueForAll(finding => finding.Verdict != HostVerdict.Missing))
            findings.AddRange(await ExecutionAsync(cancellationToken).ConfigureAwait(false));
        findings.Add(
            Room("memory", AvailableMemoryMiB(), LeastMemoryMiB, "end other programs; TESTHARNESS_MEMORY_MIB bounds what machines take.")
        );
        findings.Add(CacheFinding());
        findings.Add(RunFolderFinding());
        return findings;
    }

    private static async Task<List<HostFinding>> ProgramsAsync(CancellationToken cancellationToken)
    {
        var findings = new List<HostFinding>();
        foreach ((string program, string package, string? path) in Prerequisites.Survey())
        {
            HostVerdict absent = Optional.Contains(program) ? HostVerdict.Degraded : HostVerdict.Missing;
            string? version =
                path is not null && program == "qemu-system-x86_64"
                    ? await VersionAsync(path, cancellationToken).ConfigureAwait(false)
                    : null;
            findings.Add(
                path is null
                    ? new HostFinding(program, absent, "is not there", $"sudo apt-get install --no-install-recommends {package}")
                    : new HostFinding(program, HostVerdict.Good, version is null ? path : $"{path} ({version})")
            );
        }

        return findings;
    }

    private static async Task<IEnumerable<HostFinding>> ExecutionAsync(CancellationToken cancellationToken)
    {
        var host = new AcceleratorHost(Prerequisites.Find("qemu-system-x86_64"));
        AcceleratorChoice choice = await AcceleratorChoice.ChooseAsync(Accelerator.Auto, host, cancellationToken).ConfigureAwait(false);
        FileIo io = await FileIo.ChooseAsync(host, choice, cancellationToken).ConfigureAwait(false);
        return
        [
            choice.Accelerator == Accelerator.Kvm
                ? new HostFinding("accelerator", HostVerdict.Good, choice.Reason)
                : new HostFinding("accelerator", HostVerdict.Degraded, choice.Reason, KvmDevice.Look(host.Device).Remedy),
            io.Obstacle is { } obstacle
                ? new HostFinding(
                    "disks",
                    HostVerdict.Degraded,
                    $"by threads, because io_uring can't be used: {obstacle}",
                    "sysctl kernel.io_uring_disabled=0; in a container, a seccomp profile that allows io_uring."
                )
                : new HostFinding("disks", HostVerdict.Good, "by io_uring"),
        ];
    }

    private static HostFinding Room(string what, long mebibytes, long least, string remedy) =>
        mebibytes >= least
            ? new HostFinding(what, HostVerdict.Good, $"{Gibibytes(mebibytes)} free")
            : new HostFinding(
                what,
                HostVerdict.Degraded,
                $"{Gibibytes(mebibytes)} free, and {Gibibytes(least)} are what a few machines need",
                remedy
            );

    private static HostFinding CacheFinding()
    {
        try
        {
            return Room(
                $"disk for images ({CacheFolder.Path})",
                FreeMiB(CacheFolder.Path),
                LeastDiskMiB,
                "make room, or set TESTHARNESS_CACHE to a larger file system."
            );
        }
        catch (HostNotReadyException e)
        {
            return new HostFinding(
                "disk for images",
                HostVerdict.Missing,
                e.Message.ReplaceLineEndings(" "),
                "set TESTHARNESS_CACHE to a folder of this user."
            );
        }
    }

    private static HostFinding RunFolderFinding()
    {
        try
        {
            return new HostFinding("run folder", HostVerdict.Good, RunFolder.ForUser());
        }
        catch (HostNotReadyException e)
        {
            return new HostFinding(
                "run folder",
                HostVerdict.Missing,
                e.Message.ReplaceLineEndings(" "),
                "set TESTHARNESS_RUN to a folder of this user."
            );
        }
    }

    private static long AvailableMemoryMiB() =>
        long.Parse(
            File.ReadLines("/proc/meminfo")
                .First(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture
        ) / 1024;

    private static long FreeMiB(string folder)
    {
        string? there = folder;
        while (there is not null && !Directory.Exists(there))
            there = Path.GetDirectoryName(there);
        return new DriveInfo(there ?? "/").AvailableFreeSpace / (1024 * 1024);
    }

    private static string Gibibytes(long mebibytes) => string.Create(CultureInfo.InvariantCulture, $"{mebibytes / 1024.0:0.#} GiB");

    private static async Task<string> VersionAsync(string program, CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(VersionLimit, cancellationToken);
        try
        {
            return (await HelperProgram.RunAsync(program, ["--version"], null, limit.Token).ConfigureAwait(false)).StandardOutput.Split(
                '\n'
            )[0];
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"it does not say its version within {VersionLimit.TotalSeconds} s";
        }
    }
}
