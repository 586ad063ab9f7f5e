using System.Diagnostics;

namespace TestHarness.Templates;

/// <summary>
/// Waits until a guest that has just come up has finished what it does after its boot. What it had left to do when it was saved every machine restored from it
/// would do again: for Debian a second of processor time, and 40 MiB of translated code each.
/// </summary>
internal static class Quiet
{
    // The kernel counts a process's time in ticks of 10 ms; an idle guest takes one now and then.
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(10);

    // There is no event for "nothing happens", so QEMU's processor time is looked at.
    private static readonly TimeSpan Sample = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private const int Samples = 6;

    /// <summary>Returns after 0.12 s of little processor time, or after 10 s whatever the guest does.</summary>
    public static async Task WaitAsync(int processId, CancellationToken cancellationToken)
    {
        using Process process = Process.GetProcessById(processId);
        long began = Stopwatch.GetTimestamp();
        var used = new Queue<TimeSpan>();
        do
        {
            process.Refresh();
            used.Enqueue(process.TotalProcessorTime);
            if (used.Count > Samples && process.TotalProcessorTime - used.Dequeue() <= Idle)
                return;
            await Task.Delay(Sample, cancellationToken).ConfigureAwait(false);
        }
        while (Stopwatch.GetElapsedTime(began) < Limit);
    }
}
