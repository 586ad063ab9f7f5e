using System.Globalization;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>Tells how far a download is: at its beginning, once a second, and at its end.</summary>
internal sealed class DownloadProgress(string image, IProgress<StartProgress>? progress)
{
    private const double MiB = 1024 * 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private long _last;

    /// <summary>Gets what is done.</summary>
    public string Verb { get; init; } = "fetching";

    /// <summary>Tells it, unless it was told a moment ago.</summary>
    /// <param name="have">How many bytes are there.</param>
    /// <param name="total">How many there will be, where the server says so.</param>
    public void Report(long have, long? total)
    {
        if (have != total && _last != 0 && Clock.System.GetElapsedTime(_last) < Interval)
            return;
        _last = Clock.System.GetTimestamp();
        string detail = total is null
            ? string.Create(CultureInfo.InvariantCulture, $"{have / MiB:0.0} MiB")
            : string.Create(CultureInfo.InvariantCulture, $"{have / MiB:0.0} of {total / MiB:0.0} MiB");
        progress?.Report(new StartProgress($"image {image}: {Verb}", detail, total > 0 ? (double)have / total : null));
    }
}
