using System.Security.Cryptography;
using System.Text;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// Fetches packages for a guest by the host's apt, from the sources that images are built from, with lists and archives of its own in the
/// cache. Nothing of the host's own apt is written.
/// </summary>
internal sealed class PackageFetch
{
    private const long MostBytes = 1024L * 1024 * 1024;

    private static readonly TimeSpan ListsLast = TimeSpan.FromDays(1);

    private readonly string _folder;
    private readonly GuestSystem _guest;
    private readonly HostPackages _host;
    private readonly string _what;

    private PackageFetch(GuestSystem guest, HostPackages host, string what)
    {
        (_guest, _host, _what) = (guest, host, what);
        byte[] key = SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', host.Sources)));
        _folder = Path.Combine(
            CacheFolder.Path,
            "packages",
            $"{guest.Distribution}-{guest.Suite}-{guest.Architecture}-{Convert.ToHexStringLower(key)[..8]}"
        );
    }

    private string Archives => Path.Combine(_folder, "archives");

    private string Lists => Path.Combine(_folder, "lists");

    // Made by an update that went well.
    private string Updated => Path.Combine(_folder, "updated");

    private string Status => Path.Combine(_folder, "status");

    /// <summary>Fetches packages with what they depend on, and gives the archives while nobody removes them.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="packages">The packages' names.</param>
    /// <param name="recommended">Whether recommended ones come with them.</param>
    /// <param name="use">Uses the archives, given by their paths; none where all is installed.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="PackageChoiceException">No such packages go together.</exception>
    /// <exception cref="HostNotReadyException">There is no source for the guest, or it does not answer; apt's words are in the
    /// message.</exception>
    public static async Task UseAsync(
        GuestSystem guest,
        IReadOnlyList<string> packages,
        bool recommended,
        Func<IReadOnlyList<string>, Task> use,
        CancellationToken cancellationToken
    )
    {
        Prerequisites.Require(["apt-get"]);
        string what = string.Join(", ", packages);
        HostPackages host = await HostPackages.FindAsync(guest.Distribution, guest.Suite, cancellationToken).ConfigureAwait(false);
        if (host.Sources.Count == 0)
            throw new HostNotReadyException(
                new FailureText(
                    $"There is no package source for {guest.Distribution} {guest.Suite}, the guest's system, to install {what}."
                )
                    .Add("The host's sources have", host.Known)
                    .Try(HostPackages.Remedy(guest.Distribution, guest.Suite))
            );
        var fetch = new PackageFetch(guest, host, what);
        CacheFolder.Create(fetch._folder);
        using FileLock alone = await CacheFolder.LockAsync($"{fetch._folder}.lock", null, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<string> archives = await fetch.RunAsync(packages, recommended, cancellationToken).ConfigureAwait(false);
        await use(archives).ConfigureAwait(false);
        fetch.RemoveOldest();
    }

    private async Task<IReadOnlyList<string>> RunAsync(
        IReadOnlyList<string> packages,
        bool recommended,
        CancellationToken cancellationToken
    )
    {
        await ConfigureAsync(recommended, cancellationToken).ConfigureAwait(false);
        bool isKnown = File.Exists(Updated) && Clock.System.GetUtcNow().UtcDateTime - File.GetLastWriteTimeUtc(Updated) < ListsLast;
        if (!isKnown)
            await UpdateAsync(cancellationToken).ConfigureAwait(false);
        (HelperResult plan, HelperResult fetched) = await FetchAsync(packages, cancellationToken).ConfigureAwait(false);
        // The source may have newer packages than the lists, and not the older ones any more.
        if (isKnown && (plan.ExitCode != 0 || fetched.ExitCode != 0))
        {
            await UpdateAsync(cancellationToken).ConfigureAwait(false);
            (plan, fetched) = await FetchAsync(packages, cancellationToken).ConfigureAwait(false);
        }

        if (plan.ExitCode != 0)
            throw new PackageChoiceException(TextTail.Of(plan.StandardError, lines: 20));
        Require(fetched, "could not be fetched");
        return [.. plan.StandardOutput.Split('\n').Select(PackageOf).OfType<(string Name, string Version)>().Select(Find)];
    }

    private async Task<(HelperResult Plan, HelperResult Fetched)> FetchAsync(
        IReadOnlyList<string> packages,
        CancellationToken cancellationToken
    )
    {
        HelperResult plan = await InstallAsync("--simulate", packages, cancellationToken).ConfigureAwait(false);
        return (plan, plan.ExitCode != 0 ? plan : await InstallAsync("--download-only", packages, cancellationToken).ConfigureAwait(false));
    }

    private async Task ConfigureAsync(bool recommended, CancellationToken cancellationToken)
    {
        foreach (string folder in (string[])[Archives, Path.Combine(Archives, "partial"), Lists, Path.Combine(Lists, "partial")])
            CacheFolder.Create(folder);
        await File.WriteAllLinesAsync(Path.Combine(_folder, "sources.list"), _host.Sources, cancellationToken).ConfigureAwait(false);
        await File.WriteAllTextAsync(Status, _guest.Status, cancellationToken).ConfigureAwait(false);
        // apt.conf(5): what APT_CONFIG names is read first, and says that there is nothing else.
        string[] lines =
        [
            "Dir::Etc::main \"/dev/null\";",
            "Dir::Etc::parts \"/dev/null\";",
            $"Dir::Etc::sourcelist \"{_folder}/sources.list\";",
            "Dir::Etc::sourceparts \"/dev/null\";",
            "Dir::Etc::preferences \"/dev/null\";",
            "Dir::Etc::preferencesparts \"/dev/null\";",
            $"Dir::State \"{_folder}\";",
            $"Dir::State::lists \"{Lists}\";",
            $"Dir::State::status \"{Status}\";",
            $"Dir::Cache \"{_folder}\";",
            $"Dir::Cache::archives \"{Archives}\";",
            $"Dir::Log \"{_folder}\";",
            $"APT::Architecture \"{_guest.Architecture}\";",
            $"APT::Architectures {{ \"{_guest.Architecture}\"; }};",
            $"APT::Install-Recommends \"{(recommended ? "true" : "false")}\";",
            // Nobody but us writes here; as root apt would fetch as a user who may not.
            "APT::Sandbox::User \"root\";",
            "Debug::NoLocking \"true\";",
            "Acquire::Languages \"none\";",
            .. _host.Transport.Select(line => line.EndsWith(';') ? line : $"{line};"),
        ];
        await File.WriteAllLinesAsync(Path.Combine(_folder, "apt.conf"), lines, cancellationToken).ConfigureAwait(false);
    }

    private async Task UpdateAsync(CancellationToken cancellationToken)
    {
        Require(await AptAsync(["update", "--error-on=any"], cancellationToken).ConfigureAwait(false), "could not be looked up");
        await File.WriteAllBytesAsync(Updated, [], cancellationToken).ConfigureAwait(false);
    }

    private Task<HelperResult> InstallAsync(string how, IReadOnlyList<string> packages, CancellationToken cancellationToken) =>
        AptAsync(["install", "--yes", "-q", how, "--", .. packages], cancellationToken);

    private Task<HelperResult> AptAsync(string[] arguments, CancellationToken cancellationToken) =>
        HelperProgram.RunAsync(
            "apt-get",
            arguments,
            new HelperOptions { Environment = new Dictionary<string, string> { ["APT_CONFIG"] = Path.Combine(_folder, "apt.conf") } },
            cancellationToken
        );

    private void Require(HelperResult result, string what)
    {
        if (result.ExitCode == 0)
            return;
        throw new HostNotReadyException(
            new FailureText($"Packages for a guest with {_guest.Distribution} {_guest.Suite} {what}: {_what}.")
                .Add("apt-get", TextTail.Of(result.StandardError, lines: 20))
                .Add("Sources", string.Join('\n', _host.Sources))
        );
    }

    // "Inst nginx [1.0] (1.22.1-9+deb12u2 Debian:12.9/stable [amd64])": what is installed already stands in brackets before.
    private static (string Name, string Version)? PackageOf(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is ["Inst", var name, ..] && words.FirstOrDefault(word => word.StartsWith('(')) is { } version
            ? (name.Split(':')[0], version[1..])
            : null;
    }

    private string Find((string Name, string Version) package)
    {
        string start = $"{package.Name}_{package.Version.Replace(":", "%3a", StringComparison.Ordinal)}_";
        string file = Directory
            .EnumerateFiles(Archives, "*.deb")
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(start, StringComparison.Ordinal))
            ?? throw new HostNotReadyException(
                new FailureText($"The package {package.Name} {package.Version} is not among the fetched ones in '{Archives}'.").Try(
                    $"remove the folder '{_folder}', which is made again."
                )
            );
        File.SetLastAccessTimeUtc(file, Clock.System.GetUtcNow().UtcDateTime);
        return file;
    }

    private void RemoveOldest()
    {
        FileInfo[] newestFirst = [.. new DirectoryInfo(Archives).GetFiles("*.deb").OrderByDescending(file => file.LastAccessTimeUtc)];
        long bytes = 0;
        foreach (FileInfo file in newestFirst)
        {
            bytes += file.Length;
            if (bytes > MostBytes)
                file.Delete();
        }
    }
}
