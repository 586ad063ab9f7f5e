using TestHarness.Errors;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // The agent's and the monitor's connections close a moment before it is known how the machine ended.
    private static readonly TimeSpan ExitFollows = TimeSpan.FromSeconds(1);

    /// <summary>Gets the ports that are open on the host.</summary>
    internal IReadOnlyList<ForwardedPort> Forwards => _keeper.Run?.Forwards ?? [];

    /// <summary>Gets what operations on the machine go through.</summary>
    internal MachineOperations Operations => _operations;

    /// <summary>Fires when the machine has ended.</summary>
    internal CancellationToken Ended => _delayed.Ended;

    internal string Folder => _keeper.Run?.Folder ?? throw NotStarted();

    /// <summary>The folder above, which QEMU can't write to.</summary>
    internal string OwnFolder => _operations.OwnFolder;

    internal QmpClient Monitor => _keeper.Run?.Instance?.Monitor ?? throw NotStarted();

    /// <summary>Shows a machine that nobody was told of to those who listen for failures.</summary>
    internal Task ShowAsync() => _ending.TellStartingAsync();

    // What an operation asks of this machine.
    private sealed class Operated(VirtualMachine machine) : IOperatedMachine
    {
        public MachineState State => machine.State;

        public MachineExit? Exit => machine.Exit;

        public CancellationToken Ended => machine.Ended;

        public string Folder => machine.Folder;

        public QmpClient Monitor => machine.Monitor;

        public int? ProcessId => machine.ProcessId;

        public string AcceleratorName => machine._starter.Plan?.Accelerator == Accelerator.Kvm ? "kvm" : "tcg";

        public double LimitScale => machine._starter.Plan?.Choice.LimitScale ?? 1;

        public MachineFacts Facts() => machine._evidence.Facts();

        public async Task RequireUpAsync(string waitedFor, CancellationToken cancellationToken)
        {
            // Firmware and boot are watched, and keys pressed, while StartAsync is under way. An image may have to be built first, which is
            // no time of this operation.
            bool starts = machine._keeper.Run?.Instance is null && machine.State is MachineState.Starting;
            if (starts)
                await machine._starter.Launched.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (machine.Exit is { } exit && !(machine._delayed.LooksOn && machine.IsUp))
                throw new MachineExitedException(machine._evidence.Facts(), exit, waitedFor);
            if (machine._keeper.Run?.Instance is null)
                throw starts
                    ? new InvalidOperationException($"Machine '{machine.Name}' did not start: what StartAsync threw says why.")
                    : machine.NotStarted();
        }

        public Task LookAtBaseFilesAsync() => machine._keeper.LookAtBaseFilesAsync();

        public Task SettleExitAsync() =>
            Task.WhenAny(machine._keeper.ExitWatch, machine._operations.Time.Delay(ExitFollows, CancellationToken.None));

        public Task CaptureAsync(TimeSpan atMost, CancellationToken cancellationToken) =>
            machine._evidence.TryCaptureAsync(atMost, cancellationToken);
    }
}
