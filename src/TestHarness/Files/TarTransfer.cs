using System.Globalization;
using System.Text;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;

namespace TestHarness.Files;

/// <summary>
/// Copies files by tar, for a guest that has no rsync. The host's rsync does what a stream of files can't: it copies from the source into
/// an empty folder, or from one to the target, with the same options, so that patterns, links, permissions, deletions and the report mean
/// what they always do.
/// </summary>
internal sealed class TarTransfer(AgentConnection agent, SyncRequest request, RsyncReport report, string folder)
{
    private readonly string _staging = Path.Combine(folder, "tree");
    private readonly string _before = Path.Combine(folder, "before");

    private bool IsFolder => Directory.Exists(request.HostPath);

    // What a push of a folder's contents, or of a folder or file by its name, brings.
    private string Name => IsFolder && request.HostPath.EndsWith('/') ? "." : Path.GetFileName(request.HostPath.TrimEnd('/'));

    public async Task<ShellResult> RunAsync(CancellationToken cancellationToken)
    {
        const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(folder, Own);
        Directory.CreateDirectory(_staging, Own);
        try
        {
            return request.IsPush
                ? await PushAsync(cancellationToken).ConfigureAwait(false)
                : await PullAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Not Directory.Delete: .NET can't name what is not valid UTF-8.
            await HelperProgram.RunAsync("rm", ["-rf", "--", folder], null, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<ShellResult> PushAsync(CancellationToken cancellationToken)
    {
        RsyncReport staging = report;
        if (request.ComparesByTar)
        {
            ShellResult compared = await CompareAsync(cancellationToken).ConfigureAwait(false);
            if (!TransferNote.IsWhole(compared.ExitCode) || request.Options.DryRun)
                return compared;
            staging = new RsyncReport(null);
        }

        string[] paths = [.. request.Options.Sparse ? [] : (string[])["--sparse"], "--", request.HostPath, $"{_staging}/"];
        HelperResult staged = await RsyncAsync(request, paths, staging.Add, cancellationToken).ConfigureAwait(false);
        if (!TransferNote.IsWhole(staged.ExitCode))
            return Result("rsync", staged.ExitCode, staged.StandardError);
        long total = Math.Max(1, staging.Bytes),
            sent = 0;
        (string user, string group) = request.Owners;
        string[] arguments =
        [
            "-c",
            "--format=gnu",
            $"--owner={Named(user)}",
            $"--group={Named(group)}",
            .. request.Options.Sparse ? (string[])["-S"] : [],
            "-f",
            "-",
            "-C",
            _staging,
            $"./{Name}",
        ];
        string newName = IsFolder || request.GuestPath.EndsWith('/') ? "" : Name;
        string[] command =
        [
            "/bin/sh",
            "-c",
            TarScripts.Receive,
            "sh",
            request.GuestPath,
            newName,
            user,
            group,
            request.Options.Sparse ? "y" : "",
        ];
        ShellResult pushed = await JoinAsync(
                command,
                arguments,
                (process, token) =>
                    new HelperOptions
                    {
                        Take = output =>
                            CopyAsync(output, process.StandardInput, count => Tell(sent = Math.Min(total, sent + count), total), token),
                    },
                cancellationToken
            )
            .ConfigureAwait(false);
        return pushed.ExitCode == 0 ? Result("rsync", staged.ExitCode, staged.StandardError) : pushed;
    }

    private async Task<ShellResult> PullAsync(CancellationToken cancellationToken)
    {
        (string parent, string name) = request.GuestSource;
        ShellResult unpacked = await FetchAsync(
                [TarScripts.Send, "sh", parent, name, request.Options.Links is SymbolicLinks.Follow ? "-h" : ""],
                _staging,
                bytes => report.Tell(new SyncProgress(bytes, 0)),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (!TransferNote.IsWhole(unpacked.ExitCode))
            return unpacked;
        // Holes stay holes: some bytes of an archive can stand for a file that no disk has room for.
        string[] paths =
        [
            "--chmod=ug-s",
            .. request.Options.Sparse ? [] : (string[])["--sparse"],
            "--",
            $"{_staging}/{(name == "." ? "" : name)}",
            request.HostPath,
        ];
        HelperResult copied = await RsyncAsync(request.Followed, paths, report.Add, cancellationToken).ConfigureAwait(false);
        if (copied.ExitCode == 0)
            Tell(report.Bytes, Math.Max(1, report.Bytes));
        return copied.ExitCode == 0 ? unpacked : Result("rsync", copied.ExitCode, copied.StandardError);
    }

    // Reports what a push changes, on a copy of what the guest has at the target, and unless it is a dry run removes there what is to go.
    private async Task<ShellResult> CompareAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_before);
        ShellResult fetched = await FetchAsync(
                [TarScripts.Before, "sh", request.GuestPath, Name, IsFolder ? "" : "y"],
                _before,
                _ => { },
                cancellationToken
            )
            .ConfigureAwait(false);
        if (!TransferNote.IsWhole(fetched.ExitCode))
            return fetched;
        string other = Path.Combine(_before, Path.GetFileName(request.GuestPath));
        if (!IsFolder && Path.GetFileName(other) != Name && File.Exists(other))
            File.Move(other, Path.Combine(_before, Name), overwrite: true);
        // busybox's tar leaves folders the time at which it wrote into them.
        HelperResult compared = await RsyncAsync(
                request,
                ["--omit-dir-times", "--", request.HostPath, $"{_before}/"],
                report.Add,
                cancellationToken
            )
            .ConfigureAwait(false);
        string[] gone = [.. report.Deleted];
        if (!TransferNote.IsWhole(compared.ExitCode) || request.Options.DryRun || gone.Length == 0)
            return Result("rsync", compared.ExitCode, compared.StandardError);
        if (report.Unlisted > 0)
            return Result(
                "rsync",
                1,
                "there are more changes than are kept; without rsync in the guest not so many can be deleted at once"
            );
        if (gone.FirstOrDefault(path => path.Contains('\ufffd', StringComparison.Ordinal)) is { } unnamed)
            return Result("rsync", 1, $"{unnamed}: its name is not valid UTF-8; without rsync in the guest it can't be deleted from here");
        return await RemoveAsync(gone, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ShellResult> RemoveAsync(string[] paths, CancellationToken cancellationToken)
    {
        var words = new OutputCollector();
        AgentProcess process = await agent
            .RunAsync(new AgentCommand(["/bin/sh", "-c", TarScripts.Remove, "sh", request.GuestPath]), cancellationToken)
            .ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            Task feeding = Shell.FeedAsync(
                new MemoryStream(Encoding.UTF8.GetBytes(string.Concat(paths.Select(path => $"./{path}\0")))),
                process.StandardInput,
                cancellationToken
            );
            await words.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken).ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            await feeding.ConfigureAwait(false);
            return Result("rm (in the guest)", exit.ShellExitCode, Encoding.UTF8.GetString(words.StandardError.Span));
        }
    }

    // Unpacks what a script of the guest sends, as ourselves, whoever the guest says owns it.
    private Task<ShellResult> FetchAsync(string[] script, string into, Action<long> onBytes, CancellationToken cancellationToken) =>
        JoinAsync(
            ["/bin/sh", "-c", .. script],
            ["-x", "-p", "--no-same-owner", "-f", "-", "-C", into],
            (process, token) => new HelperOptions { Feed = input => new TarSieve(process.StandardOutput, input, onBytes).RunAsync(token) },
            cancellationToken
        );

    // Runs the guest's command and the host's tar, joined.
    private async Task<ShellResult> JoinAsync(
        string[] command,
        string[] arguments,
        Func<AgentProcess, CancellationToken, HelperOptions> join,
        CancellationToken cancellationToken
    )
    {
        var words = new GuestWords();
        using var transfer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            return await JoinAsync(command, arguments, join, words, transfer).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (words.IsTooMuch && !cancellationToken.IsCancellationRequested)
        {
            return Result("tar (in the guest)", 1, words.Text);
        }
    }

    private async Task<ShellResult> JoinAsync(
        string[] command,
        string[] arguments,
        Func<AgentProcess, CancellationToken, HelperOptions> join,
        GuestWords words,
        CancellationTokenSource transfer
    )
    {
        bool sends = arguments[0] == "-c";
        AgentProcess process = await agent.RunAsync(new AgentCommand(command) { TakesInput = sends }, transfer.Token).ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            Task collected = Task.WhenAll(
                words.CollectAsync(process.StandardError, transfer),
                sends ? words.CollectAsync(process.StandardOutput, transfer) : Task.CompletedTask
            );
            HelperResult local;
            try
            {
                local = await HelperProgram.RunAsync("tar", arguments, join(process, transfer.Token), transfer.Token).ConfigureAwait(false);
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

            if (sends)
                await process.StandardInput.DisposeAsync().ConfigureAwait(false);
            else
                await process.StandardOutput.DisposeAsync().ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(transfer.Token).ConfigureAwait(false);
            await collected.ConfigureAwait(false);
            return exit.ShellExitCode != 0 && (local.ExitCode == 0 || !TransferNote.IsWhole(exit.ShellExitCode))
                ? Result("tar (in the guest)", exit.ShellExitCode, words.Text)
                : Result("tar", local.ExitCode, $"{words.Text}{local.StandardError}");
        }
    }

    private Task<HelperResult> RsyncAsync(SyncRequest how, string[] paths, Action<string> onLine, CancellationToken cancellationToken) =>
        RsyncTunnel.RunLocalAsync(folder, [.. how.Arguments(withProgress: false), .. paths], onLine, cancellationToken);

    private void Tell(long bytes, long total) => report.Tell(new SyncProgress(bytes, (int)(100 * (decimal)bytes / total)));

    public static async Task CopyAsync(Stream from, Stream to, Action<int> onBytes, CancellationToken cancellationToken)
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
    public static string Named(string owner)
    {
        uint number =
            owner == "root" ? 0
            : uint.TryParse(owner, NumberStyles.None, CultureInfo.InvariantCulture, out uint given) ? given
            : 65534;
        return string.Create(CultureInfo.InvariantCulture, $"{owner}:{number}");
    }

    private static ShellResult Result(string command, int exitCode, string error) =>
        new()
        {
            Command = command,
            ExitCode = exitCode,
            StandardErrorBytes = Encoding.UTF8.GetBytes(error),
        };
}
