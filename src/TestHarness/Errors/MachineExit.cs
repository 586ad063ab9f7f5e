namespace TestHarness;

/// <summary>How a machine ended.</summary>
/// <param name="Reason">Why it ended.</param>
/// <param name="ExitCode">QEMU's exit code; 128 + n where signal n ended it; 0 where QEMU itself has not ended yet
/// (<see cref="Detail"/>).</param>
/// <param name="StandardError">What QEMU wrote to its standard error.</param>
public sealed record MachineExit(MachineExitReason Reason, int ExitCode, string StandardError)
{
    /// <summary>
    /// Gets what happened in the guest, on the host or to the monitor, where that ended the machine; else <see langword="null"/>.
    /// </summary>
    public string? Detail { get; init; }

    /// <summary>Gets the signal that ended QEMU, or <see langword="null"/>.</summary>
    public int? Signal => ExitCode > 128 ? ExitCode - 128 : null;

    /// <summary>Returns a sentence for people.</summary>
    /// <returns>Such as <c>QEMU was ended by signal 9</c>.</returns>
    public override string ToString() =>
        Reason switch
        {
            MachineExitReason.GuestShutdown => "the guest shut down",
            MachineExitReason.Killed => "the test ended it",
            _ when Detail is not null => Detail,
            _ when Signal is { } signal => $"QEMU was ended by signal {signal}",
            _ => $"QEMU ended with exit code {ExitCode}",
        };
}
