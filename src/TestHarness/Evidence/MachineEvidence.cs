using TestHarness.Errors;
using TestHarness.Evidence;

namespace TestHarness;

/// <summary>
/// What is known of a machine for somebody who looks into a failure. The texts have <c>***</c> in place of
/// <see cref="MachineSpec.Secrets"/>.
/// </summary>
/// <param name="MachineName">The machine's name.</param>
/// <param name="SerialLog">The serial console from the first byte.</param>
/// <param name="Screenshot">The last screen, or <see langword="null"/> where there is no display or QEMU did not answer in time.</param>
/// <param name="StandardError">What QEMU wrote to its standard error.</param>
/// <param name="CommandLine">QEMU's command line, quoted for a shell.</param>
/// <param name="ReproScript">A shell script that starts the same machine by hand, with the serial console on the terminal.</param>
public sealed record MachineEvidence(
    string MachineName,
    string SerialLog,
    Screenshot? Screenshot,
    string StandardError,
    string CommandLine,
    string ReproScript
)
{
    /// <summary>Gets the timeline of everything that was done to the machine. Default: empty.</summary>
    public IReadOnlyList<MachineEvent> Events { get; init; } = [];

    /// <summary>Gets the timeline as JSON lines, as it stands in <c>events.jsonl</c>.</summary>
    public string Timeline => EventLines.Write(Events);

    /// <summary>Gets the last few pictures of the screen that differ from each other, oldest first. Default: none.</summary>
    public IReadOnlyList<Screenshot> Frames { get; init; } = [];

    /// <summary>Gets what came from serial ports beside the console, by name. Default: none.</summary>
    public IReadOnlyDictionary<string, string> SerialPorts { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Gets what a message of a failure would show of the serial log: a heading, and the last lines since the test began, or since the
    /// machine was up. Default: empty.
    /// </summary>
    public string SerialExcerpt { get; init; } = "";

    /// <summary>
    /// Gets the step of the test (<see cref="VirtualMachine.StepAsync"/>) that failed, or was under way, or <see langword="null"/> where
    /// there is none.
    /// </summary>
    public string? Step { get; init; }

    /// <summary>Gets the end of the guest's journal, or <see langword="null"/> where it was not asked for or did not answer.</summary>
    public string? Journal { get; init; }

    /// <summary>Gets what could not be had, a line each. Default: none.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>
    /// Writes the bundle into a folder, which is made: <c>events.jsonl</c>, <c>serial.log</c>, <c>qemu-stderr.txt</c>,
    /// <c>command-line.txt</c>, <c>repro.sh</c>; where there are some, <c>serial-NAME.log</c> of further serial ports, <c>screen.png</c>,
    /// <c>frames/</c>, <c>journal.txt</c> and <c>notes.txt</c>.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <returns>A task for the writing.</returns>
    public Task SaveAsync(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return EvidenceBundle.WriteAsync(this, folder, cancellationToken);
    }
}
