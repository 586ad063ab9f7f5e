using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>
/// What messages of failures show of the serial log, and where they say that the rest is: what the test that uses the machine has to do
/// with it.
/// </summary>
internal sealed class TestView(SerialConsole console)
{
    private readonly Lock _gate = new();
    private Func<string?> _evidenceFolder = () => null;
    private long _shownFrom;
    private string? _shownSince;

    /// <summary>Where the evidence will be if the test fails, or <see langword="null"/>.</summary>
    public string? EvidenceFolder => _evidenceFolder();

    public void KeepEvidenceIn(Func<string?> folder) => _evidenceFolder = folder;

    /// <summary>What a boot wrote explains a start that fails, and nothing after it.</summary>
    public void ShowFromNow(string since)
    {
        lock (_gate)
            (_shownFrom, _shownSince) = (console.Log.Length, since);
    }

    public SerialExcerpt Excerpt(SecretMask mask, string? telling)
    {
        (long from, string? since) shown;
        lock (_gate)
            shown = (_shownFrom, _shownSince);
        return SerialExcerpt.Of(console.Log.TextAt(shown.from), shown.since, SerialConsole.TailLines, mask, telling);
    }
}
