using TestHarness.Errors;
using TestHarness.Qemu;

namespace TestHarness.Operations;

/// <summary>What an operation asks of the machine that it is done to.</summary>
internal interface IOperatedMachine
{
    MachineState State { get; }

    MachineExit? Exit { get; }

    /// <summary>Fires when the machine has ended, or is over for whoever asks.</summary>
    CancellationToken Ended { get; }

    string Folder { get; }

    QmpClient Monitor { get; }

    int? ProcessId { get; }

    string AcceleratorName { get; }

    /// <summary>How many times slower than a common host this one was measured to be.</summary>
    double LimitScale { get; }

    MachineFacts Facts();

    /// <summary>Waits for QEMU while a start is under way; throws where the machine has ended or was never started.</summary>
    Task RequireUpAsync(string waitedFor, CancellationToken cancellationToken);

    /// <summary>
    /// Sees to it that a host disk that has failed is the machine's end, before what a guest did is taken for its own doing.
    /// </summary>
    Task LookAtBaseFilesAsync();

    /// <summary>Waits a moment for the machine's end, which follows the loss of a connection.</summary>
    Task SettleExitAsync();

    /// <summary>Takes a picture of the screen, where there is one.</summary>
    Task CaptureAsync(TimeSpan atMost, CancellationToken cancellationToken);
}
