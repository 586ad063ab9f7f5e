using TestHarness.Guest;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // The agent's and the monitor's connections close a moment before the kernel tells that the process has ended.
    private static readonly TimeSpan ExitFollows = TimeSpan.FromSeconds(1);

    /// <summary>Collects what is known of the machine; of one that has ended, too.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence; without a screenshot where none can be had within 2 seconds.</returns>
    public async Task<MachineEvidence> CollectEvidenceAsync(CancellationToken cancellationToken = default) => new(
        Name,
        Console.Log.Text,
        await TryCaptureAsync(cancellationToken).ConfigureAwait(false),
        _process?.StandardError ?? "",
        _process?.CommandLine ?? "",
        _boot is null ? "" : ReproScript.Build(Program, Spec, _boot, Name, _accelerator));

    internal MachineFacts Facts() => new(Name)
    {
        SerialTail = Console.Tail,
        StandardError = _process?.StandardError ?? "",
        CommandLine = _process?.CommandLine ?? "",
    };

    /// <summary>
    /// Runs an operation on the running machine: it ends at once when the machine does, when the limit runs out and when the caller cancels, each with
    /// its own exception.
    /// </summary>
    internal async Task<T> GuardAsync<T>(
        string waitedFor,
        TimeSpan limit,
        Func<CancellationToken, Task<T>> operation,
        CancellationToken cancellationToken,
        Func<string>? lastSeen = null)
    {
        if (Exit is { } exit)
            throw new MachineExitedException(Facts(), exit, waitedFor);
        if (_instance is null)
            throw NotStarted();
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ended.Token);
        wait.CancelAfter(limit);
        try
        {
            return await operation(wait.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not TestHarnessException && !cancellationToken.IsCancellationRequested)
        {
            if (Exit is null && e is AgentLostException or QmpBrokenException or IOException or ObjectDisposedException)
                await Task.WhenAny(_exitWatch, Task.Delay(ExitFollows, CancellationToken.None)).ConfigureAwait(false);
            if (Exit is { } ended)
                throw new MachineExitedException(Facts(), ended, waitedFor, e);
            if (e is OperationCanceledException)
                throw new WaitTimeoutException(Facts(), waitedFor, limit, lastSeen?.Invoke());
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

    private async Task<Screenshot?> TryCaptureAsync(CancellationToken cancellationToken)
    {
        if (_instance is null || _process!.Exited.IsCompleted || !QemuArguments.HasDisplay(Spec))
            return null;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(2));
        try
        {
            return await Screen.CaptureNowAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // Evidence of a broken machine: what can't be had is left out.
            return null;
        }
    }
}
