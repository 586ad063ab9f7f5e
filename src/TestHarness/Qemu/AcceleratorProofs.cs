using System.Collections.Concurrent;
using System.Text.Json;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>
/// Remembers what was proved of accelerators: in this process's memory, and for the other processes in one file, until the host boots anew.
/// </summary>
internal static class AcceleratorProofs
{
    public const string FileName = "accelerators.json";

    private const string LockName = "accelerators.lock";
    private const int MostKept = 16;

    // Longer than whoever has the lock can take; if that one was stopped, nobody waits for it for ever.
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(5);
    private static readonly ConcurrentDictionary<(string Folder, string Key), AcceleratorProof> Known = new();

    private static readonly Lazy<string> ReadBoot = new(() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    /// <summary>Gets the name of the host's boot.</summary>
    public static string Boot => ReadBoot.Value;

    /// <summary>Gets a proof, and makes it where neither this process nor another one has; processes that want the same one wait for the first.</summary>
    /// <param name="folder">Where the file is.</param>
    /// <param name="key">What the proof holds for, beside the host's boot.</param>
    /// <param name="prove">Makes it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<AcceleratorProof> GetAsync(
        string folder, string key, Func<CancellationToken, Task<AcceleratorProof>> prove, CancellationToken cancellationToken)
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
        string folder, string key, Func<CancellationToken, Task<AcceleratorProof>> prove, CancellationToken cancellationToken)
    {
        using FileLock? taken = await TakeLockAsync(folder, cancellationToken).ConfigureAwait(false);
        if (Find(folder, key) is { } other)
            return other;
        AcceleratorProof proof = await prove(cancellationToken).ConfigureAwait(false);
        if (taken is not null)
            Keep(folder, new Entry(Boot, key, proof));
        return proof;
    }

    private static async Task<FileLock?> TakeLockAsync(string folder, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LockLimit);
        try
        {
            return await FileLock.TakeAsync(Path.Combine(folder, LockName), onWait: null, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private static AcceleratorProof? Find(string folder, string key) =>
        ReadAll(folder).Find(entry => entry.Boot == Boot && entry.Key == key)?.Proof;

    private static List<Entry> ReadAll(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize<List<Entry>>(File.ReadAllBytes(Path.Combine(folder, FileName))) ?? [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // None yet, or not ours: it is proved again and written anew.
            return [];
        }
    }

    // Under the lock. Renamed into place, for those who read do not take it.
    private static void Keep(string folder, Entry added)
    {
        List<Entry> entries = [.. ReadAll(folder).Where(entry => entry.Boot == Boot && entry.Key != added.Key).TakeLast(MostKept - 1), added];
        string path = Path.Combine(folder, FileName);
        File.WriteAllBytes($"{path}.new", JsonSerializer.SerializeToUtf8Bytes(entries));
        File.Move($"{path}.new", path, overwrite: true);
    }

    private sealed record Entry(string Boot, string Key, AcceleratorProof Proof);
}
