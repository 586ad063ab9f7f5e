using System.Diagnostics;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// Tells whether a booting guest still does something: looks at serial console, screen and QEMU's processor time once a second.
/// </summary>
internal sealed class BootProgress(int processId, GuestWatch watch)
{
    private const double BusyShare = 0.1;

    // A cursor that blinks makes two frames in turn.
    private const int FramesOfOnePicture = 2;

    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(1);

    private double _share;

    /// <summary>What QEMU's processor time says, for a message.</summary>
    public string Describe() =>
        _share < BusyShare
            ? $"idle: QEMU used {_share:P0} of a processor, so the guest waits for something"
            : $"busy: QEMU used {_share:P0} of a processor";

    /// <summary>
    /// Reports a guest that stands still, or that shows a login prompt and does not answer. Returns then, or when it is cancelled.
    /// </summary>
    /// <param name="stillLimit">How long nothing may happen.</param>
    /// <param name="noWayInLimit">How long after a login prompt there may be no way in.</param>
    /// <param name="noWayIn">Why there is no way into the guest yet; null once there is.</param>
    /// <param name="picture">What tells the screen's picture from another one; <see langword="null"/> where there is none.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    public async Task WatchAsync(
        TimeSpan stillLimit,
        TimeSpan noWayInLimit,
        Func<string?> noWayIn,
        Func<CancellationToken, Task<string?>> picture,
        CancellationToken cancellationToken
    )
    {
        using Process process = Process.GetProcessById(processId);
        using var timer = new PeriodicTimer(Sample, Clock.System);
        var frames = new HashSet<string>(StringComparer.Ordinal);
        (long since, long last, long bytes, TimeSpan used) = (
            Clock.System.GetTimestamp(),
            Clock.System.GetTimestamp(),
            watch.SerialBytes,
            process.TotalProcessorTime
        );
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            process.Refresh();
            _share = (process.TotalProcessorTime - used) / Clock.System.GetElapsedTime(last);
            bool still = _share < BusyShare && watch.SerialBytes == bytes;
            (last, bytes, used) = (Clock.System.GetTimestamp(), watch.SerialBytes, process.TotalProcessorTime);
            if (still && await picture(cancellationToken).ConfigureAwait(false) is { } screen)
                frames.Add(screen);
            if (!still || frames.Count > FramesOfOnePicture)
            {
                frames.Clear();
                since = last;
            }

            if (Find(Clock.System.GetElapsedTime(since), stillLimit, noWayInLimit, noWayIn()) is { } trouble)
            {
                watch.Report(trouble);
                return;
            }
        }
    }

    private GuestTrouble? Find(TimeSpan still, TimeSpan stillLimit, TimeSpan noWayInLimit, string? noWayIn)
    {
        if (
            noWayIn is not null
            && watch.LoginPromptAt > 0
            && Clock.System.GetElapsedTime(watch.LoginPromptAt) is var prompted
            && prompted >= noWayInLimit
        )
        {
            return new GuestTrouble(
                MachineFault.NoWayIn,
                $"the guest has shown a login prompt for {prompted.TotalSeconds:0} s, but {noWayIn}",
                Certain: true
            );
        }

        return still >= stillLimit
            ? new GuestTrouble(
                MachineFault.NoProgress,
                $"serial console, screen and processor stood still for {still.TotalSeconds:0} s ({Describe()})",
                Certain: true
            )
            : null;
    }
}
