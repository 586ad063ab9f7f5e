using TestHarness.Images;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Installs packages in a guest that the host fetches for it.</summary>
internal sealed class PackageInstaller(VirtualMachine machine)
{
    private const string Folder = "/var/tmp/testharness-packages";

    // What is installed is decided on the host; the guest's apt puts it in the right order. Its disk is thrown away, so nothing is synced.
    private const string Install = $"""
        export DEBIAN_FRONTEND=noninteractive
        apt-get install --yes -q --no-install-recommends --allow-downgrades \
            -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
            -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io {Folder}/*.deb < /dev/null
        code=$?
        rm -rf {Folder}
        exit $code
        """;

    private const string Describe = """
        . /etc/os-release
        command -v apt-get > /dev/null || VERSION_CODENAME=
        echo "$ID"
        echo "$VERSION_CODENAME"
        dpkg --print-architecture 2> /dev/null || :
        """;

    private readonly List<string> _installed = [];

    /// <summary>What was installed, as <c>name version architecture</c>.</summary>
    public IReadOnlyList<string> Installed => _installed;

    public async Task InstallAsync(InstallStep step, CancellationToken cancellationToken)
    {
        GuestSystem guest = await DescribeAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new PackageChoiceException(
                "its guest is no Debian or the like with apt-get and dpkg: take an image such as debian-12, or SetupStep.Run with the "
                    + "guest's own package manager, and Push for the packages"
            );
        await InstallAsync(guest, step.Packages, step.Recommended, step.Timeout, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Installs what the .NET runtime loads, in a Debian guest (https://learn.microsoft.com/dotnet/core/install/linux-debian).
    /// </summary>
    public async Task InstallRuntimeLibrariesAsync(CancellationToken cancellationToken)
    {
        if (await DescribeAsync(cancellationToken).ConfigureAwait(false) is not { } guest)
            return;
        string[] libraries = ["libgcc-s1", "libssl3", "libstdc++6", "zlib1g", "tzdata", "ca-certificates"];
        await InstallAsync(guest, libraries, recommended: false, timeout: null, cancellationToken).ConfigureAwait(false);
    }

    private async Task<GuestSystem?> DescribeAsync(CancellationToken cancellationToken)
    {
        ShellResult described = await machine.Shell.ProbeAsync(["/bin/sh", "-c", Describe], cancellationToken).ConfigureAwait(false);
        if (described.StandardOutput.Split('\n') is not [{ Length: > 0 } id, { Length: > 0 } suite, { Length: > 0 } architecture, ..])
            return null;
        string status = await machine
            .Files.ReadTextAsync("/var/lib/dpkg/status", cancellationToken: cancellationToken)
            .ConfigureAwait(false);
        return new GuestSystem(id, suite, architecture, status);
    }

    private async Task InstallAsync(
        GuestSystem guest,
        IReadOnlyList<string> packages,
        bool recommended,
        TimeSpan? timeout,
        CancellationToken cancellationToken
    )
    {
        string[] names = [];
        // Other machines may have the archives again once they are in the guest, which takes minutes to install them.
        await PackageFetch
            .UseAsync(
                guest,
                packages,
                recommended,
                async archives =>
                {
                    names = [.. archives.Select(archive => Path.GetFileName(archive))];
                    await PushAsync(archives, cancellationToken).ConfigureAwait(false);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        if (names.Length == 0)
            return;
        await machine.Shell.RunAsync(Install, new ShellOptions { Timeout = timeout }, cancellationToken).ConfigureAwait(false);
        _installed.AddRange(InstalledPackages.FromArchives(names));
    }

    private async Task PushAsync(IReadOnlyList<string> archives, CancellationToken cancellationToken)
    {
        if (archives.Count == 0)
            return;
        // Among the machine's own, so that it goes with that, whatever becomes of this process.
        string folder = Path.Combine(machine.OwnFolder, "packages");
        Directory.CreateDirectory(folder);
        try
        {
            foreach (string archive in archives)
                File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(archive)), archive);
            await machine
                .Files.PushAsync(
                    $"{folder}/",
                    $"{Folder}/",
                    new SyncOptions { Links = SymbolicLinks.Follow, Permissions = "D755,F644" },
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
