using System.Collections.Concurrent;
using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>The programs of the host that machines need, and the Debian package that has each.</summary>
internal static class Prerequisites
{
    private static readonly Dictionary<string, string> Packages = new(StringComparer.Ordinal)
    {
        ["qemu-system-x86_64"] = "qemu-system-x86",
        ["qemu-img"] = "qemu-utils",
        ["rsync"] = "rsync",
        ["socat"] = "socat",
        ["tar"] = "tar",
        ["xorriso"] = "xorriso",
        ["mmdebstrap"] = "mmdebstrap",
        ["mke2fs"] = "e2fsprogs",
        ["xz"] = "xz-utils",
        ["newuidmap"] = "uidmap",
        ["apt-get"] = "apt",
        ["setpriv"] = "util-linux",
        ["setsid"] = "util-linux",
        ["dmesg"] = "util-linux",
        ["unshare"] = "util-linux",
        ["prlimit"] = "util-linux",
        ["sh"] = "dash",
        ["ssh"] = "openssh-client",
        ["ssh-keygen"] = "openssh-client",
        ["tesseract"] = "tesseract-ocr",
        ["zstd"] = "zstd",
        ["gpgv"] = "gpgv",
    };

    private static readonly ConcurrentDictionary<string, string> Found = new(StringComparer.Ordinal);

    /// <summary>Finds a program on the PATH, or in the folders for administrators, which an ordinary user's PATH lacks.</summary>
    /// <exception cref="HostNotReadyException">It is nowhere.</exception>
    public static string Find(string program)
    {
        Require([program]);
        return Found[program];
    }

    /// <summary>Checks that all programs are there; reports all missing ones at once.</summary>
    /// <exception cref="HostNotReadyException">Some are missing, or the host is not Linux.</exception>
    public static void Require(IEnumerable<string> programs)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new HostNotReadyException(
                new FailureText("TestHarness needs Linux: it starts QEMU with Linux's process and socket features.")
                    .Add("Found", Environment.OSVersion.ToString())
                    .Try("run the tests in WSL2 (Windows) or in a Linux machine or container.")
            );
        }

        foreach (string path in programs.Where(program => program.Contains('/', StringComparison.Ordinal)))
            RequireExecutable(path);
        string[] missing = [.. programs.Distinct(StringComparer.Ordinal).Where(program => !TryFind(program))];
        if (missing.Length == 0)
            return;

        string packages = string.Join(' ', missing.Select(PackageOf).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        throw new HostNotReadyException(
            new FailureText($"The host lacks {missing.Length} program(s) that machines need.")
                .Add("Missing", string.Join('\n', missing.Select(program => $"{program}  (Debian package {PackageOf(program)})")))
                .Try($"sudo apt-get install --no-install-recommends {packages}")
        );
    }

    /// <summary>
    /// Gets every program that anything here needs, with its Debian package, and where it is: <see langword="null"/> where it is missing.
    /// </summary>
    public static IReadOnlyList<(string Program, string Package, string? Path)> Survey() =>
        [.. Packages.Select(entry => (entry.Key, entry.Value, TryFind(entry.Key) ? Found[entry.Key] : null))];

    // A path that somebody gave: no package brings it.
    private static void RequireExecutable(string path)
    {
        const UnixFileMode Execute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        (string? reason, string remedy) =
            Directory.Exists(path) ? ("it is a folder", "check MachineSpec.QemuPath.")
            : !File.Exists(path) ? ("there is no such file", "check MachineSpec.QemuPath.")
            : (File.GetUnixFileMode(path) & Execute) == 0 ? ("it is not executable", $"chmod a+x '{path}'")
            : ((string?)null, "");
        if (reason is not null)
            throw new HostNotReadyException(new FailureText($"The program '{path}' can't be started.").Add("Reason", reason).Try(remedy));
    }

    private static string PackageOf(string program) =>
        Packages.TryGetValue(Path.GetFileName(program), out string? package) ? package : program;

    private static bool TryFind(string program)
    {
        if (Found.TryGetValue(program, out string? known) && File.Exists(known))
            return true;
        if (program.Contains('/', StringComparison.Ordinal))
            return File.Exists(program) && Found.TryAdd(program, Path.GetFullPath(program)) | true;

        string path = Environment.GetEnvironmentVariable("PATH") ?? "";
        string? file = $"{path}:/usr/local/sbin:/usr/sbin:/sbin"
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
        if (file is not null)
            Found[program] = file;
        return file is not null;
    }
}
