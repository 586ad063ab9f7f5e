using TestHarness.Errors;

namespace TestHarness;

// What a test that uses the machine has to do with its messages.
public sealed partial class VirtualMachine
{
    private readonly Lock _showing = new();
    private Func<string?> _evidenceFolder = () => null;
    private long _shownFrom;
    private string? _shownSince;

    /// <summary>
    /// Tells that a test begins to use the machine. From now on messages of failures show only what the console has written since, and name files of the test's evidence in
    /// place of QEMU's command line. For test frameworks; may be called before the start, too.
    /// </summary>
    /// <param name="evidenceFolder">
    /// Names the folder that <see cref="SaveEvidenceAsync"/> writes to if the test fails, or <see langword="null"/> where it will not. It is called when a failure is told.
    /// </param>
    public void BeginTest(Func<string?> evidenceFolder)
    {
        ArgumentNullException.ThrowIfNull(evidenceFolder);
        _evidenceFolder = evidenceFolder;
        if (State is not (MachineState.Created or MachineState.Starting))
            ShowFromNow("since the test began");
    }

    // What a boot wrote explains a start that fails, and nothing after it.
    private void ShowFromNow(string since)
    {
        lock (_showing)
            (_shownFrom, _shownSince) = (Console.Log.Length, since);
    }

    private SerialExcerpt ExcerptOfSerial()
    {
        (long from, string? since) shown;
        lock (_showing)
            shown = (_shownFrom, _shownSince);
        return SerialExcerpt.Of(Console.Log.TextAt(shown.from), shown.since, SerialConsole.TailLines, _record.Mask, _watch.TellingLine);
    }
}
