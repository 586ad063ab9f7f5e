using TestHarness.Errors;
using TestHarness.Operations;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // The agent's and the monitor's connections close a moment before the kernel tells that the process has ended.
    private static readonly TimeSpan ExitFollows = TimeSpan.FromSeconds(1);

    internal MachineFacts Facts() => new(Name)
    {
        Serial = ExcerptOfSerial(),
        StandardError = _record.Mask.Apply(_process?.StandardError ?? "", endsCut: true),
        CommandLine = _record.Mask.Apply(_process?.CommandLine ?? ""),
        EvidenceFolder = _evidenceFolder(),
        Mask = _record.Mask,
    };

    private async Task RequireUpAsync(string waitedFor, CancellationToken cancellationToken)
    {
        // Firmware and boot are watched, and keys pressed, while StartAsync is under way. An image may have to be built first, which is no time of this operation.
        bool starts = _instance is null && State is MachineState.Starting;
        if (starts)
            await _launched.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (Exit is { } exit && !(_delayed.LooksOn && IsUp))
            throw new MachineExitedException(Facts(), exit, waitedFor);
        if (_instance is null)
            throw starts ? new InvalidOperationException($"Machine '{Name}' did not start: what StartAsync threw says why.") : NotStarted();
    }

    // What an operation asks of this machine.
    private sealed class Operated(VirtualMachine machine) : IOperatedMachine
    {
        public MachineState State => machine.State;

        public MachineExit? Exit => machine.Exit;

        public CancellationToken Ended => machine.Ended;

        public string Folder => machine.Folder;

        public QmpClient Monitor => machine.Monitor;

        public int? ProcessId => machine.ProcessId;

        public string AcceleratorName => machine._accelerator == Accelerator.Kvm ? "kvm" : "tcg";

        public double LimitScale => machine._choice?.LimitScale ?? 1;

        public MachineFacts Facts() => machine.Facts();

        public Task RequireUpAsync(string waitedFor, CancellationToken cancellationToken) => machine.RequireUpAsync(waitedFor, cancellationToken);

        public Task LookAtBaseFilesAsync() => machine.LookAtBaseFilesAsync();

        public Task SettleExitAsync() => Task.WhenAny(machine._exitWatch, Task.Delay(ExitFollows, CancellationToken.None));

        public Task CaptureAsync(TimeSpan atMost, CancellationToken cancellationToken) => machine.TryCaptureAsync(atMost, cancellationToken);
    }
}
