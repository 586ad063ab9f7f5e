using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// The folder that an image is built in. Programs that make or read the guest's files run as root of namespaces of their own: mounts
/// end with them, every process that they start dies with them, and an ordinary user is root there, with the user's subordinate ids
/// (subuid(5)) for the other owners.
/// </summary>
internal sealed class BuildFolder(string image, string path, IProgress<StartProgress>? progress)
{
    /// <summary>
    /// Where the programs see the folder. apt takes no quotes and the like in a path; nothing else of a build uses /boot of the host.
    /// </summary>
    public const string Inside = "/boot";

    private const string Enter =
        $"umask 022 && mkdir -p tmp && mount --bind . {Inside} && cd {Inside} && export TMPDIR={Inside}/tmp && exec \"$@\"";
    private const int TailLines = 25;

    private static readonly string[] Names = ["tree", "image", "tmp", "stage", "archives", "payload", "paths", "superfluous", "disk.raw"];

    public string Path => path;

    public string Tree => System.IO.Path.Combine(path, "tree");

    private static bool IsOrdinaryUser => Native.EffectiveUserId() != 0;

    public static IEnumerable<string> Programs =>
        ["apt-get", "mmdebstrap", "mke2fs", "qemu-img", "unshare", "setpriv", "sh", "xz", .. IsOrdinaryUser ? (string[])["newuidmap"] : []];

    public void Report(string step, string? detail = null) =>
        progress?.Report(new StartProgress($"image {image}: {step}", detail is null ? null : PrintableText.Of(detail)));

    /// <summary>Runs a program in the namespaces, in the folder; returns its standard output.</summary>
    /// <exception cref="ImageException">It failed.</exception>
    public Task<string> RunInsideAsync(string step, string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        string[] mapping = IsOrdinaryUser ? ["--user", "--map-auto", "--map-root-user"] : [];
        return RunAsync(
            step,
            "unshare",
            [
                .. mapping,
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "--",
                "sh",
                "-c",
                Enter,
                "sh",
                program,
                .. arguments,
            ],
            cancellationToken
        );
    }

    /// <summary>Runs a shell script in the namespaces, in the folder; the first command that fails ends it.</summary>
    public Task<string> RunScriptAsync(string step, string script, CancellationToken cancellationToken, params string[] arguments) =>
        RunInsideAsync(step, "sh", ["-e", "-c", script, "sh", .. arguments], cancellationToken);

    /// <summary>Runs a program in the folder, as the user.</summary>
    public async Task<string> RunAsync(string step, string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        Report(step);
        var tail = new Queue<string>();
        HelperResult result = await HelperProgram
            .RunAsync(
                program,
                arguments,
                new HelperOptions
                {
                    WorkingDirectory = path,
                    Environment = Variables(),
                    OnOutputLine = Note,
                    OnErrorLine = Note,
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        if (result.ExitCode == 0)
            return result.StandardOutput;

        string output = string.Join('\n', tail);
        throw new ImageException(
            image,
            new FailureText($"Image '{image}': the step '{step}' failed.")
                .Add("Command", $"{program} {string.Join(' ', arguments)}")
                .Add("Exit code", $"{result.ExitCode}")
                .Add($"Output (last {tail.Count} lines)", output)
                .Try(RemedyFor(output))
        );

        void Note(string line)
        {
            lock (tail)
            {
                tail.Enqueue(line);
                if (tail.Count > TailLines)
                    tail.Dequeue();
            }

            Report(step, line);
        }
    }

    /// <summary>
    /// Deletes the folder with all in it, also what belongs to subordinate ids. Does not throw for a folder that is not there.
    /// </summary>
    public async Task DeleteAsync()
    {
        if (!Directory.Exists(path))
            return;
        if (Directory.Exists(Tree))
            await RunInsideAsync("cleaning up", "rm", ["-rf", "--one-file-system", "tree"], CancellationToken.None).ConfigureAwait(false);
        FolderRemoval.Remove(path);
    }

    /// <summary>Tells whether a folder has nothing in it but what a build makes.</summary>
    public static bool IsOurs(string folder) =>
        new DirectoryInfo(folder) is { LinkTarget: null } there
        && there.EnumerateFileSystemInfos().All(entry => Names.Contains(entry.Name, StringComparer.Ordinal));

    private static Dictionary<string, string> Variables() =>
        new(StringComparer.Ordinal)
        {
            ["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
            ["DEBIAN_FRONTEND"] = "noninteractive",
            // The kernel's package makes no initramfs of 30 MB: the library has a small one of its own.
            ["INITRD"] = "No",
        };

    /// <summary>Returns what to do about a failure with this output, or <see langword="null"/> where nobody knows.</summary>
    public static string? RemedyFor(string output)
    {
        if (output.Contains("subuid", StringComparison.Ordinal) || output.Contains("newuidmap", StringComparison.Ordinal))
            return "give the user subordinate ids: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
                + "\"$USER\", or build as root.";
        if (
            output.Contains("unshare failed", StringComparison.Ordinal)
            || output.Contains("unrecognized option '--map-auto'", StringComparison.Ordinal)
        )
            return "build as root, or on a host with util-linux 2.38 or later that lets ordinary users make user namespaces.";
        if (output.Contains("Unable to locate package", StringComparison.Ordinal))
            return "correct the package's name in the recipe; the suite has none of that name.";
        if (output.Contains("Could not allocate", StringComparison.Ordinal))
            return "raise disk.sizeMiB in the recipe.";
        if (
            output.Contains("Failed to fetch", StringComparison.Ordinal)
            || output.Contains("Temporary failure resolving", StringComparison.Ordinal)
        )
            return "see that the host reaches its package mirror: sudo apt-get update.";
        return
            output.Contains("No space left on device", StringComparison.Ordinal)
            || output.Contains("enough free space", StringComparison.Ordinal)
            ? "make room in the cache's file system, or set TESTHARNESS_CACHE to a folder elsewhere."
            : null;
    }
}
