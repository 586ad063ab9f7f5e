namespace TestHarness.Networks.Ethernet;

/// <summary>
/// One part of the way between two machines that has conditions of its own: the network, a machine's end of it, or a direction between
/// two. What is random follows from a seed, so that the same frames fare the same.
/// </summary>
/// <param name="seed">The seed.</param>
internal sealed class LinkStage(int seed)
{
    private const long BitsPerByte = 8;

    private static readonly TimeSpan Overtaken = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private Random _random = new(seed);
    private LinkConditions? _conditions;
    private bool _inBurst;
    private DateTimeOffset _busyUntil;

    /// <summary>Whether frames pass as they come.</summary>
    public bool IsPlain => _conditions is null;

    public LinkConditions? Conditions => _conditions;

    /// <summary>Sets what is to happen from now on, from the beginning of the seed; <see langword="null"/> for nothing.</summary>
    public void Set(LinkConditions? conditions)
    {
        lock (_gate)
            (_conditions, _random, _inBurst, _busyUntil) = (conditions, new Random(seed), false, default);
    }

    /// <summary>Says how a frame fares here.</summary>
    /// <param name="bytes">The frame's size.</param>
    /// <param name="passage">How it fared until here; changed.</param>
    public void Pass(int bytes, ref FramePassage passage)
    {
        lock (_gate)
        {
            if (_conditions is not { } conditions || passage.Dropped is not null)
                return;
            passage.Dropped =
                bytes - EthernetFrame.Header > conditions.LargestPacket ? DropCause.TooLarge
                : IsLost(conditions) ? DropCause.Loss
                : null;
            if (passage.Dropped is not null || !TryQueue(conditions, bytes, ref passage))
                return;
            TimeSpan late = conditions.Latency + ((2 * Share(conditions.Jitter)) - 1) * conditions.Jitter;
            if (late > TimeSpan.Zero)
                passage.Due += late;
            if (Happens(conditions.Reordering))
                passage.Overtaken += conditions.Latency > Overtaken ? conditions.Latency : Overtaken;
            if (Happens(conditions.Duplication))
                passage.Copies *= 2;
            if (bytes > EthernetFrame.Header && Happens(conditions.Corruption))
                passage.FlippedBit = _random.Next(EthernetFrame.Header * (int)BitsPerByte, bytes * (int)BitsPerByte);
        }
    }

    private double Share(TimeSpan jitter) => jitter > TimeSpan.Zero ? _random.NextDouble() : 0.5;

    private bool Happens(double share) => share > 0 && _random.NextDouble() < share;

    // Gilbert: a burst ends after LossBurst frames on average, and begins as often as the share of all asks for.
    private bool IsLost(LinkConditions conditions)
    {
        if (conditions.Loss <= 0)
            return false;
        if (conditions.LossBurst <= 1 || conditions.Loss >= 1)
            return Happens(conditions.Loss);
        double ends = 1 / conditions.LossBurst;
        _inBurst = _inBurst ? !Happens(ends) : Happens(Math.Min(1, ends * conditions.Loss / (1 - conditions.Loss)));
        return _inBurst;
    }

    private bool TryQueue(LinkConditions conditions, int bytes, ref FramePassage passage)
    {
        if (conditions.BitsPerSecond is not { } rate)
            return true;
        DateTimeOffset begins = _busyUntil > passage.Due ? _busyUntil : passage.Due;
        double waiting = (begins - passage.Due).TotalSeconds * rate / BitsPerByte;
        if (waiting + bytes > Math.Max(conditions.QueueBytes, bytes))
        {
            passage.Dropped = DropCause.QueueFull;
            return false;
        }

        passage.Due = _busyUntil = begins + TimeSpan.FromSeconds((double)(bytes * BitsPerByte) / rate);
        return true;
    }
}

/// <summary>How a frame fares on its way.</summary>
internal record struct FramePassage(DateTimeOffset Due)
{
    /// <summary>Why it does not arrive, or <see langword="null"/>.</summary>
    public DropCause? Dropped { get; set; }

    /// <summary>When it arrives.</summary>
    public DateTimeOffset Due { get; set; } = Due;

    /// <summary>How much later it arrives than those behind it know of.</summary>
    public TimeSpan Overtaken { get; set; }

    public int Copies { get; set; } = 1;

    /// <summary>The bit that is turned over, or <see langword="null"/>.</summary>
    public int? FlippedBit { get; set; }
}
