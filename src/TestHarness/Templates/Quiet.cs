using System.Diagnostics;

namespace TestHarness.Templates;

/// <summary>
/// Waits until a guest that has just come up has finished what it does after its boot. What it had left to do when it was saved every machine restored from it
/// would do again: for Debian a second of processor time, and 40 MiB of translated code each.
/// </summary>
internal static class Quiet
{
    private const double BusyShare = 0.1;
    private const int QuietSamples = 4;

    // There is no event for "nothing happens", so QEMU's processor time is looked at.
    private static readonly TimeSpan Sample = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Returns after 0.4 s of little processor time, or after 10 s whatever the guest does.</summary>
    public static async Task WaitAsync(int processId, CancellationToken cancellationToken)
    {
        using Process process = Process.GetProcessById(processId);
        long began = Stopwatch.GetTimestamp(), last = began;
        TimeSpan used = process.TotalProcessorTime;
        for (int quiet = 0; quiet < QuietSamples && Stopwatch.GetElapsedTime(began) < Limit;)
        {
            await Task.Delay(Sample, cancellationToken).ConfigureAwait(false);
            process.Refresh();
            double share = (process.TotalProcessorTime - used) / Stopwatch.GetElapsedTime(last);
            quiet = share < BusyShare ? quiet + 1 : 0;
            (used, last) = (process.TotalProcessorTime, Stopwatch.GetTimestamp());
        }
    }
}
