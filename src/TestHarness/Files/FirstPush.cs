using System.Text;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;

namespace TestHarness.Files;

/// <summary>
/// Pushes a folder to where there is nothing yet, as one archive that the guest's tar unpacks: rsync takes twice as long in a guest that is
/// emulated. Where anything is not as it should be, rsync does the rest, and says what it has to say.
/// </summary>
/// <param name="agent">The guest's agent.</param>
/// <param name="request">What is pushed.</param>
/// <param name="report">Told what was.</param>
/// <param name="folder">A folder of the host's for this transfer, which is not there.</param>
internal sealed class FirstPush(AgentConnection agent, SyncRequest request, RsyncReport report, string folder)
{
    private const string New = "new";
    private const int LongestAnswer = 16;

    /// <summary>Tells whether an archive can stand for what rsync would do.</summary>
    public static bool Suits(SyncRequest request) =>
        request is { IsPush: true, Options: { Exclude.Count: 0, Permissions: null, Sparse: false, DryRun: false } }
        && request.Options.Links is SymbolicLinks.Keep
        && Directory.Exists(request.HostPath)
        && (request.HostPath.EndsWith('/') || new DirectoryInfo(request.HostPath).LinkTarget is null);

    /// <summary>Pushes it; <see langword="null"/> where that is rsync's.</summary>
    public async Task<ShellResult?> TryAsync(CancellationToken cancellationToken)
    {
        var words = new GuestWords();
        using var transfer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            return await TryAsync(words, transfer).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (words.IsTooMuch && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<ShellResult?> TryAsync(GuestWords words, CancellationTokenSource transfer)
    {
        (string user, string group) = request.Owners;
        string target = request.HostPath.EndsWith('/')
            ? request.GuestPath
            : $"{request.GuestPath.TrimEnd('/')}/{Path.GetFileName(request.HostPath)}";
        Task<List<string>?> listing = ListAsync(transfer.Token);
        AgentProcess process = await agent
            .RunAsync(
                new AgentCommand(["/bin/sh", "-c", TarScripts.ReceiveFirst, "sh", target, user, group]) { TakesInput = true },
                transfer.Token
            )
            .ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            Task collected = words.CollectAsync(process.StandardError, transfer);
            string answer = await ReadAnswerAsync(process.StandardOutput, transfer.Token).ConfigureAwait(false);
            List<string>? listed = await listing.ConfigureAwait(false);
            if (answer.Length == 0 || listed is null)
                return null;
            string[] lines = answer == New ? [.. listed.Select(Made)] : [.. listed.Select(WasThere)];
            bool sent = await SendAsync(process.StandardInput, lines, user, group, transfer.Token).ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(transfer.Token).ConfigureAwait(false);
            await collected.ConfigureAwait(false);
            if (!sent || exit.ShellExitCode != 0 || words.Text.Length > 0)
                return null;
            foreach (string line in lines)
                report.Add(line);
            return new ShellResult { Command = $"tar (to '{target}')", ExitCode = 0 };
        }
    }

    private static async Task<string> ReadAnswerAsync(Stream output, CancellationToken cancellationToken)
    {
        var answer = new byte[LongestAnswer];
        int count = 0,
            read;
        while (
            count < answer.Length
            && !answer.AsSpan(0, count).Contains((byte)'\n')
            && (read = await output.ReadAsync(answer.AsMemory(count), cancellationToken).ConfigureAwait(false)) > 0
        )
            count += read;
        return Encoding.UTF8.GetString(answer, 0, count).Trim();
    }

    // rsync says it of the folder at the top; here it stands for one that is empty.
    private static string Made(string line) => line.EndsWith(" ./", StringComparison.Ordinal) ? "cd+++++++++ 0 ./" : line;

    private string WasThere(string line) =>
        !request.HostPath.EndsWith('/') && line.EndsWith($" {Path.GetFileName(request.HostPath)}/", StringComparison.Ordinal)
            ? line.Replace("cd+++++++++", ".d..t......", StringComparison.Ordinal)
            : line;

    // What rsync would say of each file; null where it has something else to say: of a pipe, or of one that it can't read.
    private async Task<List<string>?> ListAsync(CancellationToken cancellationToken)
    {
        string empty = Path.Combine(folder, "empty");
        Directory.CreateDirectory(empty);
        try
        {
            var lines = new List<string>();
            HelperResult listed = await RsyncTunnel
                .RunLocalAsync(
                    folder,
                    [.. request.Arguments(withProgress: false), "--dry-run", "--", request.HostPath, $"{empty}/"],
                    lines.Add,
                    cancellationToken
                )
                .ConfigureAwait(false);
            return listed.ExitCode == 0 && listed.StandardError.Length == 0 && lines.TrueForAll(RsyncReport.IsChange) ? lines : null;
        }
        finally
        {
            FolderRemoval.Remove(folder);
        }
    }

    private async Task<bool> SendAsync(Stream input, string[] lines, string user, string group, CancellationToken cancellationToken)
    {
        var sizes = new RsyncReport(null);
        foreach (string line in lines)
            sizes.Add(line);
        long total = Math.Max(1, sizes.Bytes),
            sent = 0;
        string[] arguments =
        [
            "-c",
            "--format=posix",
            "--pax-option=delete=atime,delete=ctime",
            "--hard-dereference",
            "-b",
            "512",
            $"--owner={TarTransfer.Named(user)}",
            $"--group={TarTransfer.Named(group)}",
            "-f",
            "-",
            "-C",
            request.HostPath,
            ".",
        ];
        try
        {
            HelperResult local = await HelperProgram
                .RunAsync(
                    "tar",
                    arguments,
                    new HelperOptions
                    {
                        Take = output =>
                            TarTransfer.CopyAsync(
                                output,
                                input,
                                count => report.Tell(Far(sent = Math.Min(total, sent + count), total)),
                                cancellationToken
                            ),
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
            return local.ExitCode == 0 && local.StandardError.Length == 0;
        }
        catch (AgentStreamClosedException)
        {
            // The guest's tar ended before all was sent.
            return false;
        }
    }

    private static SyncProgress Far(long sent, long total) => new(sent, (int)(100 * (decimal)sent / total));
}
