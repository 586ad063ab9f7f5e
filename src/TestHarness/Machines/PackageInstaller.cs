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
        await PackageFetch
            .UseAsync(
                guest,
                step.Packages,
                step.Recommended,
                archives => PutInAsync(archives, step.Timeout, cancellationToken),
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Installs what the .NET runtime loads, in a Debian guest (https://learn.microsoft.com/dotnet/core/install/linux-debian).
    /// </summary>
    public async Task InstallRuntimeLibrariesAsync(CancellationToken cancellationToken)
    {
        if (await DescribeAsync(cancellationToken).ConfigureAwait(false) is not { } guest)
            return;
        string[] libraries = ["libgcc-s1", "libssl3", "libstdc++6", "zlib1g", "tzdata", "ca-certificates"];
        await PackageFetch
            .UseAsync(guest, libraries, false, archives => PutInAsync(archives, null, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
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

    private async Task PutInAsync(IReadOnlyList<string> archives, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (archives.Count == 0)
            return;
        string folder = Directory.CreateTempSubdirectory("testharness-packages-").FullName;
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

        await machine.Shell.RunAsync(Install, new ShellOptions { Timeout = timeout }, cancellationToken).ConfigureAwait(false);
        _installed.AddRange(InstalledPackages.FromArchives(archives.Select(archive => Path.GetFileName(archive))));
    }
}
