using System.Globalization;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;

namespace TestHarness.Clusters;

/// <summary>Looks for packets among those that a network keeps, going on from where it stopped.</summary>
/// <param name="capture">What the network keeps.</param>
/// <param name="decode">Reads a frame.</param>
/// <param name="match">What is looked for.</param>
/// <param name="from">Where it begins.</param>
internal sealed class PacketSearch(FrameCapture capture, Func<CapturedFrame, CapturedPacket> decode, PacketMatch match, long from)
{
    // The switch waits while so much is copied.
    private const int MostAtOnce = 256 * 1024;

    private readonly PacketCounts _counts = new();
    private long _next = Math.Max(from, capture.Begin);
    private long _missed;
    private IReadOnlyList<CapturedFrame> _frames = [];
    private int _at;

    /// <summary>Where it goes on: behind what was found last.</summary>
    public long Place => _next;

    /// <summary>Ends when there is more to look at.</summary>
    public Task Grown => capture.GrowsBeyond(_next);

    /// <summary>What was looked at, in words.</summary>
    public string Seen =>
        Interlocked.Read(ref _missed) is > 0 and var missed
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{_counts}\n{missed} bytes were gone before they were looked at: NetworkSpec.CaptureMiB says how much is kept"
            )
            : $"{_counts}";

    /// <summary>Finds the next one. Null: there is none yet.</summary>
    /// <param name="until">Where the search ends.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public CapturedPacket? Next(long until, CancellationToken cancellationToken)
    {
        while (true)
        {
            while (_at < _frames.Count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                CapturedFrame frame = _frames[_at++];
                Interlocked.Add(ref _missed, frame.Begin - _next);
                _next = frame.End;
                CapturedPacket packet = decode(frame);
                _counts.Add(packet);
                if (match.Takes(packet))
                    return packet;
            }

            if (_next >= until)
                return null;
            (_frames, _at) = (capture.Read(_next, Math.Min(MostAtOnce, until - _next)), 0);
        }
    }
}
