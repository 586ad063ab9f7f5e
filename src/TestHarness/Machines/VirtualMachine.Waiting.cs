using TestHarness.Agents;
using TestHarness.Errors;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // The agent's and the monitor's connections close a moment before the kernel tells that the process has ended.
    private static readonly TimeSpan ExitFollows = TimeSpan.FromSeconds(1);

    internal MachineFacts Facts() => new(Name)
    {
        Serial = ExcerptOfSerial(),
        StandardError = Secrets.Apply(_process?.StandardError ?? "", endsCut: true),
        CommandLine = Secrets.Apply(_process?.CommandLine ?? ""),
        EvidenceFolder = _evidenceFolder(),
        Mask = Secrets,
    };

    // The operation itself, for GuardAsync, which keeps the record of it.
    private async Task<T> GuardCoreAsync<T>(
        string waitedFor,
        TimeSpan limit,
        Func<CancellationToken, Task<T>> operation,
        Func<string>? lastSeen,
        CancellationToken cancellationToken)
    {
        // Firmware and boot are watched, and keys pressed, while StartAsync is under way. An image may have to be built first, which is no time of this operation.
        bool starts = _instance is null && State is MachineState.Starting;
        if (starts)
            await _launched.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (Exit is { } exit && !(_looksOn.Value && IsUp))
            throw new MachineExitedException(Facts(), exit, waitedFor);
        if (_instance is null)
            throw starts ? new InvalidOperationException($"Machine '{Name}' did not start: what StartAsync threw says why.") : NotStarted();
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Ended);
        wait.CancelAfter(limit);
        try
        {
            T result = await operation(wait.Token).ConfigureAwait(false);
            await LookAtBaseFilesAsync().ConfigureAwait(false);
            return Exit is not { Reason: MachineExitReason.HostDiskFailed } failed ? result : throw new MachineExitedException(Facts(), failed, waitedFor);
        }
        catch (Exception e) when (e is not TestHarnessException && !cancellationToken.IsCancellationRequested)
        {
            await LookAtBaseFilesAsync().ConfigureAwait(false);
            if (Exit is null && e is AgentLostException or QmpBrokenException or IOException or ObjectDisposedException)
                await Task.WhenAny(_exitWatch, Task.Delay(ExitFollows, CancellationToken.None)).ConfigureAwait(false);
            if (Exit is { } ended)
                throw new MachineExitedException(Facts(), ended, waitedFor, e);
            if (e is OperationCanceledException)
                throw new WaitTimeoutException(Facts(), waitedFor, limit, lastSeen?.Invoke(), State == MachineState.Paused ? $"the machine is paused: call {nameof(ResumeAsync)} first." : null);
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
