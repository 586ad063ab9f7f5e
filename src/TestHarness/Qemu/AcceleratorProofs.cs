using System.Collections.Concurrent;
using System.Globalization;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>
/// Remembers what was proved of accelerators: in this process's memory, and for the other processes in one file, until the host boots anew.
/// </summary>
internal static class AcceleratorProofs
{
    private const int MostKept = 16;

    // The last field of a line that was written to its end.
    private const string End = "end";

    // Longer than whoever has the lock can take; if that one was stopped, nobody waits for it for ever.
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(5);
    private static readonly ConcurrentDictionary<(string Folder, string Key), AcceleratorProof> Known = new();

    private static readonly Lazy<string> ReadBoot = new(() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    /// <summary>Gets the name of the host's boot.</summary>
    public static string Boot => ReadBoot.Value;

    /// <summary>
    /// Gets a proof, and makes it where neither this process nor another one has; processes that want the same one wait for the first.
    /// </summary>
    /// <param name="folder">Where the file is.</param>
    /// <param name="key">What the proof holds for, beside the host's boot.</param>
    /// <param name="prove">Makes it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<AcceleratorProof> GetAsync(
        string folder,
        string key,
        Func<CancellationToken, Task<AcceleratorProof>> prove,
        CancellationToken cancellationToken
    )
    {
        if (Known.TryGetValue((folder, key), out AcceleratorProof? known))
            return known;
        AcceleratorProof proof = Find(folder, key) ?? await MakeAsync(folder, key, prove, cancellationToken).ConfigureAwait(false);
        Known[(folder, key)] = proof;
        return proof;
    }

    /// <summary>Clears this process's memory, so that the next one to ask reads the file as a new process would.</summary>
    public static void Forget() => Known.Clear();

    private static async Task<AcceleratorProof> MakeAsync(
        string folder,
        string key,
        Func<CancellationToken, Task<AcceleratorProof>> prove,
        CancellationToken cancellationToken
    )
    {
        using FileLock? taken = await TakeLockAsync(folder, cancellationToken).ConfigureAwait(false);
        if (Find(folder, key) is { } other)
            return other;
        AcceleratorProof proof = await prove(cancellationToken).ConfigureAwait(false);
        if (taken is not null && !proof.IsPassing)
            Keep(folder, key, proof);
        return proof;
    }

    private static async Task<FileLock?> TakeLockAsync(string folder, CancellationToken cancellationToken)
    {
        using Deadline limit = Clock.System.Limit(LockLimit, cancellationToken);
        try
        {
            return await FileLock
                .TakeAsync(Path.Combine(folder, RunFolderContents.ProofsLock), onWait: null, limit.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private static AcceleratorProof? Find(string folder, string key) =>
        ReadAll(folder).Find(line => line is [var boot, var name, ..] && boot == Boot && name == key) is { } found ? Parse(found) : null;

    // A line for each, its fields escaped. A JSON reader's own start would take longer than all the rest, in each process.
    private static List<string[]> ReadAll(string folder)
    {
        try
        {
            return
            [
                .. File.ReadAllLines(Path.Combine(folder, RunFolderContents.Proofs))
                    .Select(line => Array.ConvertAll(line.Split(' '), Uri.UnescapeDataString)),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // None yet, or not ours: it is proved again and written anew.
            return [];
        }
    }

    private static AcceleratorProof? Parse(string[] fields)
    {
        if (
            fields is not [_, _, var fault, var ticks, var hung, var words, var milliseconds, End]
            || !long.TryParse(ticks, CultureInfo.InvariantCulture, out long count)
            || !bool.TryParse(hung, out bool isHung)
        )
        {
            return null;
        }

        return new AcceleratorProof(fault.Length == 0 ? null : fault, count, isHung, words)
        {
            Milliseconds = double.TryParse(milliseconds, CultureInfo.InvariantCulture, out double value) ? value : null,
        };
    }

    // Under the lock. Renamed into place, for those who read do not take it.
    private static void Keep(string folder, string key, AcceleratorProof proof)
    {
        string[] added =
        [
            Boot,
            key,
            proof.Fault ?? "",
            FormattableString.Invariant($"{proof.Ticks}"),
            $"{proof.Hung}",
            proof.Words,
            FormattableString.Invariant($"{proof.Milliseconds}"),
            End,
        ];
        List<string[]> lines =
        [
            .. ReadAll(folder).Where(line => line is [var boot, var name, ..] && boot == Boot && name != key).TakeLast(MostKept - 1),
            added,
        ];
        string path = Path.Combine(folder, RunFolderContents.Proofs);
        File.WriteAllLines($"{path}.new", lines.Select(line => string.Join(' ', line.Select(Uri.EscapeDataString))));
        File.Move($"{path}.new", path, overwrite: true);
    }
}
