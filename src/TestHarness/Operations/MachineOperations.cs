using TestHarness.Agents;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Qemu;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness.Operations;

/// <summary>What a facet (shell, files, console, screen, networks) needs of its machine.</summary>
internal sealed class MachineOperations(string name, MachineSpec spec, MachineRecord record, IOperatedMachine machine)
{
    public string Name => name;

    public MachineSpec Spec => spec;

    public MachineRecord Record => record;

    /// <summary>The time that all its limits go by.</summary>
    public TimeProvider Time => record.Time;

    public SecretMask Mask => record.Mask;

    public MachineState State => machine.State;

    /// <summary>Fires when the machine has ended.</summary>
    public CancellationToken Ended => machine.Ended;

    public string Folder => machine.Folder;

    /// <summary>The folder above, which QEMU can't write to.</summary>
    public string OwnFolder => RunFolder.OwnFolderOf(Folder);

    public QmpClient Monitor => machine.Monitor;

    public MachineLimits Limits => new(this);

    public int? ProcessId => machine.ProcessId;

    public string AcceleratorName => machine.AcceleratorName;

    /// <summary>
    /// A default limit on this host: it grows with how slow the accelerator was measured to be; a user's own are what they are.
    /// </summary>
    public TimeSpan Scaled(TimeSpan limit) => TimeLimits.Scale(limit, machine.LimitScale);

    public MachineFacts Facts() => machine.Facts();

    /// <summary>Puts <c>***</c> in place of the spec's secrets.</summary>
    public string WithoutSecrets(string text) => Mask.Apply(text);

    /// <summary>
    /// The last lines of what a command wrote, without the spec's secrets: a cut may leave a part of one that is not found any more.
    /// </summary>
    public string TailWithoutSecrets(ShellResult result, int lines) =>
        TextTail.Of(Mask.Apply($"{result.StandardOutput}{result.StandardError}"), lines);

    /// <summary>
    /// Runs an operation on the running machine: it ends at once when the machine does, when the limit runs out and when the caller
    /// cancels, each with its own exception. It is an entry of the timeline, and its failure is worth a picture of the screen.
    /// </summary>
    public async Task<T> GuardAsync<T>(
        string waitedFor,
        TimeSpan limit,
        Func<CancellationToken, Task<T>> operation,
        CancellationToken cancellationToken,
        Func<string>? lastSeen = null
    )
    {
        waitedFor = Mask.Apply(waitedFor);
        long began = Time.GetTimestamp();
        try
        {
            T result = await GuardCoreAsync(waitedFor, limit, operation, lastSeen, cancellationToken).ConfigureAwait(false);
            string outcome = result is ShellResult { ExitCode: not 0 } command ? $"exit code {command.ExitCode}" : "ok";
            record.NoteOperation(waitedFor, Time.GetElapsedTime(began), outcome);
            return result;
        }
        catch (Exception e)
        {
            // Out of what has ended the wait: the caller may go on with a wait for that, and would hold it up.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            record.NoteOperation(waitedFor, Time.GetElapsedTime(began), record.Outcome(e));
            if (e is not OperationCanceledException)
                await machine.CaptureAsync(Aftermath.Picture, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<T> GuardCoreAsync<T>(
        string waitedFor,
        TimeSpan limit,
        Func<CancellationToken, Task<T>> operation,
        Func<string>? lastSeen,
        CancellationToken cancellationToken
    )
    {
        await machine.RequireUpAsync(waitedFor, cancellationToken).ConfigureAwait(false);
        using Deadline wait = Time.Limit(limit, cancellationToken, machine.Ended);
        try
        {
            T result = await operation(wait.Token).ConfigureAwait(false);
            await machine.LookAtBaseFilesAsync().ConfigureAwait(false);
            return machine.Exit is not { Reason: MachineExitReason.HostDiskFailed } failed
                ? result
                : throw new MachineExitedException(Facts(), failed, waitedFor);
        }
        catch (Exception e) when (e is not TestHarnessException && !cancellationToken.IsCancellationRequested)
        {
            await machine.LookAtBaseFilesAsync().ConfigureAwait(false);
            if (machine.Exit is null && e is AgentLostException or QmpBrokenException or IOException or ObjectDisposedException)
                await machine.SettleExitAsync().ConfigureAwait(false);
            if (machine.Exit is { } ended)
                throw new MachineExitedException(Facts(), ended, waitedFor, e);
            if (e is OperationCanceledException)
                throw new WaitTimeoutException(
                    Facts(),
                    waitedFor,
                    limit,
                    lastSeen?.Invoke(),
                    State == MachineState.Paused ? "the machine is paused: call ResumeAsync first." : null
                );
            if (e is AgentLostException lost)
                throw new GuestCommandException(Facts(), waitedFor, lost);
            if (e is QmpTimeoutException unanswered)
                throw new WaitTimeoutException(Facts(), waitedFor, unanswered.Limit, unanswered.Message);
            if (e is QmpException)
                throw new MonitorException(Facts(), waitedFor, e);
            throw;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
