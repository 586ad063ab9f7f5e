using System.Text;
using TestHarness.Text;

namespace TestHarness.Files;

/// <summary>What went away or changed while it was copied: all that lasted is there.</summary>
internal static class TransferNote
{
    // rsync(1): some files vanished before they could be transferred.
    private const int Vanished = 24;

    private const int MostNamed = 5;

    /// <summary>Tells whether all came that lasted.</summary>
    public static bool IsWhole(int exitCode) => exitCode is 0 or Vanished;

    /// <summary>Says what did not last, in the words of rsync and tar; <see langword="null"/> where all did.</summary>
    public static string? Of(ShellResult result)
    {
        if (result.ExitCode != Vanished)
            return null;
        string[] lines =
        [
            .. Encoding
                .UTF8.GetString(result.StandardErrorBytes.Span)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(line =>
                    !line.StartsWith("rsync warning: ", StringComparison.Ordinal)
                    && !line.EndsWith("exit delayed from previous errors", StringComparison.Ordinal)
                ),
        ];
        string more = lines.Length > MostNamed ? $" … and {lines.Length - MostNamed} more" : "";
        return PrintableText.Of($"the source changed while it was copied: {string.Join("; ", lines.Take(MostNamed))}{more}");
    }
}
