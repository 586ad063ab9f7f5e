using System.Globalization;

namespace TestHarness.Hosts;

/// <summary>What a file in the ledger's folder says: who holds or waits for how much.</summary>
/// <param name="Path">The file.</param>
/// <param name="Process">Its owner.</param>
/// <param name="Request">What the owner holds or waits for.</param>
internal sealed record LedgerEntry(string Path, int Process, LedgerRequest Request)
{
    private const int LongestName = 200;

    // Nobody comes to as many; a number above it would have no next one.
    private const long LastTicket = long.MaxValue / 2;

    /// <summary>How many later ones were let past this one while it waited.</summary>
    public int Passed { get; init; }

    public bool IsWaiting => Path.EndsWith(LedgerFile.Waiting, StringComparison.Ordinal);

    /// <summary>The place in the queue: the number that the file's name begins with.</summary>
    public long Ticket
    {
        get
        {
            string name = System.IO.Path.GetFileName(Path);
            int end = name.IndexOf('-', StringComparison.Ordinal);
            return
                end > 0
                && long.TryParse(name.AsSpan(0, end), NumberStyles.None, CultureInfo.InvariantCulture, out long ticket)
                && ticket <= LastTicket
                ? ticket
                : 0;
        }
    }

    /// <summary>
    /// Reads the fields; what another version of the library may have written in another way counts as nothing, but is shown.
    /// </summary>
    public static LedgerEntry Parse(string path, string text)
    {
        string[] fields = text.TrimEnd('\n').Split('\t');
        int Number(int index) =>
            index < fields.Length && int.TryParse(fields[index], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : 0;
        string? Name(int index) => index < fields.Length && fields[index].Length > 0 ? fields[index] : null;
        return new LedgerEntry(
            path,
            Number(1),
            new LedgerRequest(Name(0) ?? "?", Number(2), Number(3)) { SharedMiB = Number(4), SharedKey = Name(5) }
        )
        {
            Passed = Number(6),
        };
    }

    public string ToText() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Clean(Request.Machine)}\t{Process}\t{Request.MemoryMiB}\t{Request.Cpus}\t"
                + $"{Request.SharedMiB}\t{Clean(Request.SharedKey)}\t{Passed}\n"
        );

    public override string ToString() =>
        $"{Request.Machine} (process {Process}, {Request.MemoryMiB} MiB, {Request.Cpus} {(Request.Cpus == 1 ? "vCPU" : "vCPUs")})";

    private static string Clean(string? name)
    {
        string cleaned = string.Concat((name ?? "").Select(character => char.IsControl(character) ? ' ' : character));
        return cleaned.Length > LongestName ? cleaned[..LongestName] : cleaned;
    }
}
