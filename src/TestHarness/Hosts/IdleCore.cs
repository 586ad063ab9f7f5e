using System.Globalization;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>Waits until the host has a processor to spare, as <c>/proc/stat</c> tells (proc_stat(5)).</summary>
internal static class IdleCore
{
    // USER_HZ is 100 on all that Linux runs .NET on.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan Sample = TimeSpan.FromMilliseconds(20);

    private const int Samples = 5;

    /// <summary>Returns once the host's processors were idle for 0.1 s of processor time within 0.1 s.</summary>
    public static async Task WaitAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var seen = new Queue<(TimeSpan Idle, long At)>();
        while (true)
        {
            seen.Enqueue((ReadIdle(), time.GetTimestamp()));
            await time.Delay(Sample, cancellationToken).ConfigureAwait(false);
            if (seen.Count < Samples)
                continue;
            (TimeSpan idle, long at) = seen.Dequeue();
            // A tick that has not ended is not counted yet.
            if (ReadIdle() - idle >= time.GetElapsedTime(at) - Tick)
                return;
        }
    }

    /// <summary>Gets the time that the processors have been idle, together.</summary>
    public static TimeSpan ReadIdle()
    {
        using var stat = new StreamReader("/proc/stat");
        string[] fields = (stat.ReadLine() ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        // cpu user nice system idle iowait …
        return (long.Parse(fields[4], CultureInfo.InvariantCulture) + long.Parse(fields[5], CultureInfo.InvariantCulture)) * Tick;
    }
}
