using System.Globalization;
using System.Text;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Evidence;

/// <summary>
/// Asks a running guest for what only it has: the end of its journal, and files. Never throws for a guest that does not answer; the notes
/// say so.
/// </summary>
/// <param name="scaled">Makes a default limit one for this host.</param>
internal sealed class GuestCollection(GuestSession guest, Func<TimeSpan, TimeSpan> scaled, List<string> notes)
{
    private const int MaxJournalBytes = 4 * 1024 * 1024;
    private const int MaxListBytes = 1024 * 1024;
    private const int MaxFiles = 200;
    private const long MaxFileBytes = 64L * 1024 * 1024;
    private const long MaxBytes = 256L * 1024 * 1024;

    // systemd's journal; else the kernel's log and busybox's syslog.
    private const string Journal = """
        if command -v journalctl >/dev/null 2>&1; then exec journalctl -b -n 500 --no-pager; fi
        dmesg 2>/dev/null | tail -n 500
        if command -v logread >/dev/null 2>&1; then logread 2>/dev/null | tail -n 500; fi
        true
        """;

    // An empty IFS: the shell expands the patterns and cuts none at its spaces. Symbolic links are followed where a pattern names them.
    private const string List = """
        IFS=
        for pattern in "$@"; do
          for found in $pattern; do
            if [ -e "$found" ]; then find -H "$found" -type f; else printf '?%s\n' "$pattern"; fi
          done
        done
        """;

    private readonly TimeSpan _journalLimit = scaled(TimeSpan.FromSeconds(10));
    private readonly TimeSpan _filesLimit = scaled(TimeSpan.FromSeconds(30));

    /// <summary>
    /// Reads the end of the journal; what there is of it where it does not end in time, <see langword="null"/> where there is nothing.
    /// </summary>
    public async Task<string?> ReadJournalAsync(CancellationToken cancellationToken)
    {
        var output = new OutputCollector(MaxJournalBytes);
        using Deadline limit = Clock.System.Limit(_journalLimit, cancellationToken);
        try
        {
            await RunAsync(["/bin/sh", "-c", Journal], output, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfGuest(e))
        {
            notes.Add($"journal: {Reason(e, _journalLimit)}");
        }

        string text = Encoding.UTF8.GetString(output.StandardOutput.Span);
        return text.Length > 0 ? text : null;
    }

    /// <summary>Copies the files that match into a folder, under the paths that they have in the guest.</summary>
    public async Task CollectFilesAsync(IReadOnlyList<string> patterns, string folder, CancellationToken cancellationToken)
    {
        if (patterns.Count == 0)
            return;
        using Deadline limit = Clock.System.Limit(_filesLimit, cancellationToken);
        string? current = null;
        try
        {
            long left = MaxBytes;
            var output = new OutputCollector(MaxListBytes);
            await RunAsync(["/bin/sh", "-c", List, "sh", .. patterns], output, limit.Token).ConfigureAwait(false);
            string[] lines = Encoding.UTF8.GetString(output.StandardOutput.Span).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            notes.AddRange(lines.Where(line => line[0] == '?').Select(line => $"files: nothing matches {line[1..]}"));
            string[] files = [.. lines.Where(line => line[0] == '/').Distinct(StringComparer.Ordinal)];
            if (files.Length > MaxFiles)
                notes.Add($"files: {files.Length} files match; the first {MaxFiles} are here");
            foreach (string file in files.Take(MaxFiles))
            {
                current = file;
                left -= await CopyAsync(file, folder, Math.Min(left, MaxFileBytes), limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsOfGuest(e))
        {
            notes.Add($"files: {(current is null ? "" : $"{current}: ")}{Reason(e, _filesLimit)}");
        }
    }

    private static bool IsOfGuest(Exception e) =>
        e
            is OperationCanceledException
                or AgentException
                or AgentLostException
                or AgentStreamClosedException
                or IOException
                or UnauthorizedAccessException;

    private static string Reason(Exception e, TimeSpan limit) =>
        e is OperationCanceledException
            ? string.Create(CultureInfo.InvariantCulture, $"cut off after {limit.TotalSeconds:0} s, or by the machine's end")
            : e.Message;

    private async Task RunAsync(IReadOnlyList<string> command, OutputCollector output, CancellationToken cancellationToken)
    {
        AgentConnection agent = await guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        AgentProcess process = await agent
            .RunAsync(new AgentCommand(command) { TakesInput = false }, cancellationToken)
            .ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
            await output.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken).ConfigureAwait(false);
    }

    // Returns how many bytes it has.
    private async Task<long> CopyAsync(string file, string folder, long atMost, CancellationToken cancellationToken)
    {
        string target = Path.GetFullPath(Path.Combine(folder, file.TrimStart('/')));
        // The names are the guest's. Only plain files are made here, so no link leads out either.
        if (!target.StartsWith($"{Path.GetFullPath(folder)}/", StringComparison.Ordinal))
        {
            notes.Add($"files: {file} is refused: its path leads out of the folder");
            return 0;
        }

        EvidenceBundle.MakeFolder(Path.GetDirectoryName(target)!);
        AgentConnection agent = await guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        AgentProcess process = await agent
            .RunAsync(new AgentCommand(["cat", "--", file]) { TakesInput = false }, cancellationToken)
            .ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            process.StandardError.Dispose();
            var to = new FileStream(target, FileMode.Create, FileAccess.Write);
            await using (to.ConfigureAwait(false))
            {
                long copied = await CopyAsync(process.StandardOutput, to, atMost, cancellationToken).ConfigureAwait(false);
                if (copied == atMost)
                {
                    notes.Add($"files: {file} is cut after {copied} bytes");
                    return copied;
                }

                AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
                if (exit.ShellExitCode != 0)
                    notes.Add($"files: {file}: cat ended with exit code {exit.ShellExitCode}");
                return copied;
            }
        }
    }

    private static async Task<long> CopyAsync(Stream from, FileStream to, long atMost, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        long copied = 0;
        int count;
        while (
            copied < atMost
            && (
                count = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, atMost - copied)), cancellationToken)
                    .ConfigureAwait(false)
            ) > 0
        )
        {
            await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            copied += count;
        }

        return copied;
    }
}
