namespace TestHarness;

/// <summary>How a machine ended.</summary>
/// <param name="Reason">Why QEMU ended.</param>
/// <param name="ExitCode">QEMU's exit code; 128 + n where signal n ended it.</param>
/// <param name="StandardError">What QEMU wrote to its standard error.</param>
public sealed record MachineExit(MachineExitReason Reason, int ExitCode, string StandardError)
{
    /// <summary>Gets what <see cref="Reason"/> leaves open, such as how the monitor was lost, or <see langword="null"/>.</summary>
    public string? Detail { get; init; }

    /// <summary>Gets the signal that ended QEMU, or <see langword="null"/>.</summary>
    public int? Signal => ExitCode > 128 ? ExitCode - 128 : null;

    /// <summary>Returns a sentence for people.</summary>
    /// <returns>Such as <c>QEMU was ended by signal 9</c>.</returns>
    public override string ToString() => Reason switch
    {
        MachineExitReason.GuestShutdown => "the guest shut down",
        MachineExitReason.Killed => "the test ended it",
        MachineExitReason.MonitorLost => $"QEMU lived on without its monitor and was ended ({Detail})",
        _ when Signal is { } signal => $"QEMU was ended by signal {signal}",
        _ => $"QEMU ended with exit code {ExitCode}",
    };
}
