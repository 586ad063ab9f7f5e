using System.ComponentModel;
using System.Diagnostics;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>Waits until a guest has finished what it is at, which nothing but QEMU's processor time tells.</summary>
internal static class Quiet
{
    // The kernel counts a process's time in ticks of 10 ms; an idle guest takes one now and then.
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(10);

    // There is no event for "nothing happens", so QEMU's processor time is looked at.
    private static readonly TimeSpan Sample = TimeSpan.FromMilliseconds(20);

    private const int Samples = 6;

    /// <summary>Returns after 0.12 s of little processor time, or after the limit whatever the guest does.</summary>
    public static async Task WaitAsync(int processId, TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            await WaitCoreAsync(processId, limit, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // QEMU has ended; what the caller does next says so.
        }
    }

    private static async Task WaitCoreAsync(int processId, TimeSpan limit, CancellationToken cancellationToken)
    {
        using Process process = Process.GetProcessById(processId);
        long began = Clock.System.GetTimestamp();
        var used = new Queue<TimeSpan>();
        do
        {
            process.Refresh();
            used.Enqueue(process.TotalProcessorTime);
            if (used.Count > Samples && process.TotalProcessorTime - used.Dequeue() <= Idle && !WaitsForProcessor(process))
                return;
            await Clock.System.Delay(Sample, cancellationToken).ConfigureAwait(false);
        } while (Clock.System.GetElapsedTime(began) < limit);
    }

    // On a busy host it may use little because it is given little.
    private static bool WaitsForProcessor(Process process) =>
        process.Threads.Cast<ProcessThread>().Any(thread => thread.ThreadState == System.Diagnostics.ThreadState.Running);
}
