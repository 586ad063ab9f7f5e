using System.Diagnostics;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>
/// A ledger's folder for one test. Two ledgers on one folder stand for two processes: locks are between open files, not between processes.
/// </summary>
internal sealed class LedgerFolder : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public string Path { get; } = Directory.CreateTempSubdirectory("ledger, \"ä ").FullName;

    public string[] Shares => Directory.GetFiles(Path, "*.taken");

    public string[] Tickets => Directory.GetFiles(Path, "*.waiting");

    public Ledger Open(int memoryMiB, int cpus = 100) => new(Path, new LedgerBudget(memoryMiB, cpus));

    public static Task<IDisposable> TakeAsync(Ledger ledger, string machine, int memoryMiB, int cpus = 1) =>
        ledger.TakeAsync(new LedgerRequest(machine, memoryMiB, cpus), Limit, null, TestContext.Current.CancellationToken).WaitAsync(Limit);

    /// <summary>Asks for a share that is not free; returns once the request stands in the queue.</summary>
    public static async Task<Task<IDisposable>> QueueAsync(Ledger ledger, string machine, int memoryMiB, int cpus = 1)
    {
        (Task<IDisposable> task, string _) = await AskAsync(ledger, new LedgerRequest(machine, memoryMiB, cpus), Limit);
        return task;
    }

    /// <summary>As <see cref="QueueAsync"/>, with what was said about the wait.</summary>
    public static async Task<(Task<IDisposable> Task, string Told)> AskAsync(
        Ledger ledger,
        LedgerRequest request,
        TimeSpan limit,
        CancellationToken? cancellationToken = null
    )
    {
        var told = new TaskCompletionSource<string>();
        // SetResult fails the wait if it is told twice.
        Task<IDisposable> task = ledger.TakeAsync(
            request,
            limit,
            told.SetResult,
            cancellationToken ?? TestContext.Current.CancellationToken
        );
        await Task.WhenAny(told.Task, task).WaitAsync(Limit);
        if (!told.Task.IsCompleted)
            throw new InvalidOperationException("It did not wait.", task.Exception);
        return (task, await told.Task);
    }

    /// <summary>Starts another process that holds a file in the folder as a ledger does, until it is killed.</summary>
    public async Task<Process> StartHolderAsync(string name, LedgerRequest request)
    {
        string path = System.IO.Path.Combine(Path, name);
        await File.WriteAllTextAsync(path, new LedgerEntry(path, 4711, request).ToText());
        var start = new ProcessStartInfo("sh", ["-c", "exec 9<>\"$1\" && flock 9 && echo locked && read forever", "holder", path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process holder = Process.Start(start)!;
        if (await holder.StandardOutput.ReadLineAsync().WaitAsync(Limit) != "locked")
            throw new InvalidOperationException("The file could not be locked.");
        return holder;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
