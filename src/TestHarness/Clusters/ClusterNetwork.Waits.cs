using TestHarness.Clusters;
using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class ClusterNetwork
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _ended = new();

    /// <summary>
    /// Begins to change the network step by step, each at its time. The schedule ends with its last step, with a step that fails, when it
    /// is disposed, and with the cluster. The steps are in the timeline of each of the machines.
    /// </summary>
    /// <param name="steps">The steps, at least one. Those of the same time are done in their order.</param>
    /// <returns>The schedule, which has begun; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">There is no step.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has ended.</exception>
    public NetworkSchedule Schedule(params NetworkStep[] steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        if (steps.Length == 0 || steps.Contains(null))
            throw new ArgumentException("A schedule has one step or more: NetworkStep.After(…).", nameof(steps));
        if (_ended.IsCancellationRequested)
            throw Ended("a schedule");
        return new NetworkSchedule(this, [.. steps.OrderBy(step => step.Time)], _time, _ended.Token);
    }

    /// <summary>Ends whatever waits for it, and its schedules; those who wait go on elsewhere.</summary>
    internal Task EndAsync() => _ended.CancelAsync();

    /// <summary>
    /// Waits for something on the network: at most for the limit, until the caller cancels, and until the cluster ends, each with its own
    /// exception. It is in the timeline of each machine.
    /// </summary>
    /// <param name="waitedFor">What is waited for.</param>
    /// <param name="machine">The machine whose evidence a failure has, or <see langword="null"/> for the first one.</param>
    /// <param name="limit">The limit, or <see langword="null"/> for the default one.</param>
    /// <param name="operation">The wait.</param>
    /// <param name="lastSeen">What there was instead.</param>
    /// <param name="cancellationToken">The caller's.</param>
    internal async Task<T> GuardAsync<T>(
        string waitedFor,
        string? machine,
        TimeSpan? limit,
        Func<CancellationToken, Task<T>> operation,
        Func<string> lastSeen,
        CancellationToken cancellationToken
    )
    {
        long began = _time.GetTimestamp();
        try
        {
            T result = await GuardCoreAsync(waitedFor, machine, limit, operation, lastSeen, cancellationToken).ConfigureAwait(false);
            NoteWait(null);
            return result;
        }
        catch (Exception e)
        {
            // Out of what has ended the wait: the caller's code may be what comes next, and would hold it up.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            NoteWait(e);
            throw;
        }

        void NoteWait(Exception? failure)
        {
            foreach (MachineRecord record in Members().Select(member => member.Machine.Operations.Record))
                record.NoteOperation(waitedFor, _time.GetElapsedTime(began), failure is null ? "ok" : record.Outcome(failure));
        }
    }

    private async Task<T> GuardCoreAsync<T>(
        string waitedFor,
        string? machine,
        TimeSpan? limit,
        Func<CancellationToken, Task<T>> operation,
        Func<string> lastSeen,
        CancellationToken cancellationToken
    )
    {
        ClusterMember member = MemberOf(machine)
            ?? Members().FirstOrDefault()
            ?? throw new InvalidOperationException($"No machine is on network \"{Name}\".");
        MachineOperations about = member.Machine.Operations;
        TimeSpan most = limit ?? about.Scaled(DefaultLimit);
        using Deadline wait = _time.Limit(most, cancellationToken, _ended.Token);
        try
        {
            return await operation(wait.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (wait.Token.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw _ended.IsCancellationRequested ? Ended(waitedFor) : new WaitTimeoutException(about.Facts(), waitedFor, most, lastSeen());
        }
    }

    private ObjectDisposedException Ended(string waitedFor) =>
        new(nameof(Cluster), $"The cluster of network '{Name}' has ended. Waited for: {waitedFor}");

    private ClusterMember? MemberOf(string? machine) => Array.Find(Members(), member => member.Name == machine);
}
