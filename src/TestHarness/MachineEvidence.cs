namespace TestHarness;

/// <summary>What is known of a machine for somebody who looks into a failure.</summary>
/// <param name="MachineName">The machine's name.</param>
/// <param name="SerialLog">The serial console from the first byte.</param>
/// <param name="Screenshot">The last screen, or <see langword="null"/> where there is no display or QEMU did not answer in time.</param>
/// <param name="StandardError">What QEMU wrote to its standard error.</param>
/// <param name="CommandLine">QEMU's command line, quoted for a shell.</param>
/// <param name="ReproScript">A shell script that starts the same machine by hand, with the serial console on the terminal.</param>
public sealed record MachineEvidence(
    string MachineName, string SerialLog, Screenshot? Screenshot, string StandardError, string CommandLine, string ReproScript);
