using System.Globalization;
using System.Text;
using TestHarness.Hosts;

namespace TestHarness.Guest;

/// <summary>
/// Copies files by tar, for a guest that has no rsync. The host's rsync does what a stream of files can't: it copies from the source into an empty folder, or from one to the
/// target, with the same options, so that patterns, links, permissions, deletions and the report mean what they always do.
/// </summary>
internal sealed class TarTransfer(AgentConnection agent, SyncRequest request, RsyncReport report, string folder)
{
    // $1 folder, $2 name in it. GNU tar's own format, which every tar reads; that a file changed meanwhile (1) is no failure for rsync, either.
    private const string Send = """
        cd "$1" || exit
        case $(tar --version 2>&1) in
          *GNU*) tar -c --format=gnu -S -f - "./$2"; code=$?; [ $code = 1 ] && exit 0; exit $code ;;
        esac
        exec tar -c -f - "./$2"
        """;

    // $1 target, $2 name of a single file that is to be called so, $3 user, $4 group: names that the guest does not know would become somebody else's numbers. $5: with holes.
    private const string Receive = """
        known() { case $2 in *[!0-9]*) grep -q "^$2:" "/etc/$1" 2>/dev/null || getent "$1" "$2" > /dev/null || { echo "$2: not in the guest's $1" >&2; exit 1; } ;; esac; }
        known passwd "$3"; known group "$4"
        if [ -n "$5" ]; then case $(tar --version 2>&1) in *GNU*) ;; *) echo "the guest's tar can't make holes (SyncOptions.Sparse)" >&2; exit 1 ;; esac; fi
        if [ -z "$2" ] || [ -d "$1" ]; then
          mkdir -p "$1" && cd "$1" && tar -x -p -f -
          code=$?
        else
          mkdir -p "${1%/*}/" && cd "${1%/*}/" || exit
          new=.testharness-$$
          mkdir "$new" && tar -x -p -f - -C "$new" && mv -f "$new/$2" "./${1##*/}"
          code=$?
        fi
        # GNU tar tells of a short write only.
        [ $code = 0 ] || df -P . 2> /dev/null | while read -r _ _ _ left _ on; do [ "$left" != 0 ] || echo "No space left on device: $on" >&2; done
        [ -z "$new" ] || rm -rf "$new"
        exit $code
        """;

    private readonly string _staging = Path.Combine(folder, "tree");

    public async Task<ShellResult> RunAsync(CancellationToken cancellationToken)
    {
        const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(folder, Own);
        Directory.CreateDirectory(_staging, Own);
        try
        {
            return request.IsPush ? await PushAsync(cancellationToken).ConfigureAwait(false) : await PullAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Not Directory.Delete: .NET can't name what is not valid UTF-8.
            await HelperProgram.RunAsync("rm", ["-rf", "--", folder], null, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<ShellResult> PushAsync(CancellationToken cancellationToken)
    {
        HelperResult staged = await RsyncAsync([.. request.Options.Sparse ? [] : (string[])["--sparse"], "--", request.HostPath, $"{_staging}/"], cancellationToken).ConfigureAwait(false);
        if (staged.ExitCode != 0)
            return Result("rsync", staged.ExitCode, staged.StandardError);
        long total = Math.Max(1, report.Bytes), sent = 0;
        bool isFolder = Directory.Exists(request.HostPath), contents = isFolder && request.HostPath.EndsWith('/');
        string name = Path.GetFileName(request.HostPath);
        (string user, string group) = request.Owners;
        string[] arguments =
        [
            "-c", "--format=gnu", $"--owner={Named(user)}", $"--group={Named(group)}", .. request.Options.Sparse ? (string[])["-S"] : [],
            "-f", "-", "-C", _staging, contents ? "." : $"./{name}",
        ];
        string newName = isFolder || request.GuestPath.EndsWith('/') ? "" : name;
        string[] command = ["/bin/sh", "-c", Receive, "sh", request.GuestPath, newName, user, group, request.Options.Sparse ? "y" : ""];
        return await JoinAsync(
            command,
            arguments,
            process => new HelperOptions
            {
                Take = output => CopyAsync(output, process.StandardInput, count => Tell(sent = Math.Min(total, sent + count), total), cancellationToken),
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<ShellResult> PullAsync(CancellationToken cancellationToken)
    {
        (string parent, string name) = request.GuestSource;
        ShellResult unpacked = await JoinAsync(
            ["/bin/sh", "-c", Send, "sh", parent, name],
            // As ourselves, whoever the guest says owns it.
            ["-x", "-p", "--no-same-owner", "-f", "-", "-C", _staging],
            process => new HelperOptions { Feed = input => new TarSieve(process.StandardOutput, input, bytes => report.Tell(new SyncProgress(bytes, 0))).RunAsync(cancellationToken) },
            cancellationToken).ConfigureAwait(false);
        if (unpacked.ExitCode != 0)
            return unpacked;
        // Holes stay holes: some bytes of an archive can stand for a file that no disk has room for.
        string[] paths = ["--chmod=ug-s", .. request.Options.Sparse ? [] : (string[])["--sparse"], "--", $"{_staging}/{(name == "." ? "" : name)}", request.HostPath];
        HelperResult copied = await RsyncAsync(paths, cancellationToken).ConfigureAwait(false);
        if (copied.ExitCode == 0)
            Tell(report.Bytes, Math.Max(1, report.Bytes));
        return Result("rsync", copied.ExitCode, copied.StandardError);
    }

    // Runs the guest's command and the host's tar, joined.
    private async Task<ShellResult> JoinAsync(
        string[] command, string[] arguments, Func<AgentProcess, HelperOptions> join, CancellationToken cancellationToken)
    {
        var words = new OutputCollector(ShellOptions.Default);
        AgentProcess process = await agent.RunAsync(new AgentCommand(command) { TakesInput = request.IsPush }, cancellationToken).ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            Task collected = words.CollectAsync(request.IsPush ? process.StandardOutput : Stream.Null, process.StandardError, cancellationToken);
            HelperResult local;
            try
            {
                local = await HelperProgram.RunAsync("tar", arguments, join(process), cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidDataException e)
            {
                return Result("tar", 1, e.Message);
            }
            catch (AgentStreamClosedException e)
            {
                // The guest's tar ended before all was sent; what it says of that counts.
                local = new HelperResult(1, "", e.Message);
            }

            if (request.IsPush)
                await process.StandardInput.DisposeAsync().ConfigureAwait(false);
            else
                await process.StandardOutput.DisposeAsync().ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            await collected.ConfigureAwait(false);
            string error = Encoding.UTF8.GetString(words.StandardError.Span);
            return exit.ShellExitCode != 0 ? Result("tar (in the guest)", exit.ShellExitCode, error) : Result("tar", local.ExitCode, $"{error}{local.StandardError}");
        }
    }

    private Task<HelperResult> RsyncAsync(string[] paths, CancellationToken cancellationToken) =>
        RsyncTunnel.RunLocalAsync(folder, [.. request.Arguments(withProgress: false), .. paths], report.Add, cancellationToken);

    private void Tell(long bytes, long total) => report.Tell(new SyncProgress(bytes, (int)(100 * (decimal)bytes / total)));

    private static async Task CopyAsync(Stream from, Stream to, Action<int> onBytes, CancellationToken cancellationToken)
    {
        var buffer = new byte[128 * 1024];
        int count;
        while ((count = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            onBytes(count);
        }

        await to.DisposeAsync().ConfigureAwait(false);
    }

    // Name and number; the guest goes by the name, unless it is a number.
    private static string Named(string owner) => string.Create(
        CultureInfo.InvariantCulture, $"{owner}:{(owner == "root" ? 0 : uint.TryParse(owner, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : 65534)}");

    private static ShellResult Result(string command, int exitCode, string error) =>
        new() { Command = command, ExitCode = exitCode, StandardErrorBytes = Encoding.UTF8.GetBytes(error) };
}
