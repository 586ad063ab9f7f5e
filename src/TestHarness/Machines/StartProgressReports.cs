using TestHarness.Text;

namespace TestHarness.Machines;

internal static class StartProgressReports
{
    /// <summary>Reports a step, printable; to nobody where nobody is told.</summary>
    public static void Tell(this IProgress<StartProgress>? progress, string step) =>
        progress?.Report(new StartProgress(PrintableText.Of(step)));
}
