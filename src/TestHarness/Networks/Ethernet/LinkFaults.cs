using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace TestHarness.Networks.Ethernet;

/// <summary>What the ways between the machines of a network are like, and which of them are cut. Machines go by their names.</summary>
internal sealed class LinkFaults : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<LinkPart, LinkStage> _stages = new();
    private readonly ConcurrentDictionary<(SwitchPort From, SwitchPort To), FrameWay> _ways = new();
    private readonly DelayLine _later;
    private readonly string _network;
    private readonly int _seed;
    private readonly Func<DateTimeOffset> _now;
    private volatile HashSet<(string From, string To)> _cuts = [];

    public LinkFaults(string network, int seed, TimeProvider time)
    {
        long began = time.GetTimestamp();
        // The host's clock may be set back.
        (_network, _seed, _now) = (network, seed, () => DateTimeOffset.UnixEpoch + time.GetElapsedTime(began));
        _later = new DelayLine(network, _now);
    }

    /// <summary>Whether frames are carried as they come, so that nobody need ask.</summary>
    public bool ArePlain { get; private set; } = true;

    /// <summary>Sets the conditions of a part of the way; <see langword="null"/> for none.</summary>
    public void Set(LinkPart part, LinkConditions? conditions)
    {
        lock (_gate)
        {
            _stages.GetOrAdd(part, one => new LinkStage(SeedOf(one))).Set(conditions);
            Forget();
            Judge();
        }
    }

    /// <summary>Takes over what the ways of another network are like, and which of them are cut.</summary>
    public void CopyFrom(LinkFaults other)
    {
        foreach ((LinkPart part, LinkStage stage) in other._stages)
            Set(part, stage.Conditions);
        Cut(other._cuts, isCut: true);
    }

    /// <summary>Takes all conditions away; what is cut stays so.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            foreach (LinkStage stage in _stages.Values)
                stage.Set(null);
            Forget();
            Judge();
        }
    }

    /// <summary>Cuts ways, or joins them again.</summary>
    public void Cut(IEnumerable<(string From, string To)> ways, bool isCut)
    {
        lock (_gate)
        {
            HashSet<(string, string)> cuts = [.. _cuts];
            foreach ((string, string) way in ways)
                _ = isCut ? cuts.Add(way) : cuts.Remove(way);
            _cuts = cuts;
            Judge();
        }
    }

    /// <summary>Joins all ways that are cut.</summary>
    public void Heal()
    {
        lock (_gate)
        {
            _cuts = [];
            Judge();
        }
    }

    /// <summary>A port is gone.</summary>
    public void Remove(SwitchPort port)
    {
        foreach ((SwitchPort From, SwitchPort To) ends in _ways.Keys.Where(ends => ends.From == port || ends.To == port))
            _ways.TryRemove(ends, out _);
    }

    /// <summary>Carries a frame from one port to another as the way between them is.</summary>
    /// <param name="from">Where it came from.</param>
    /// <param name="to">Where it goes.</param>
    /// <param name="frame">The frame with its length.</param>
    /// <param name="mayWait">Whether the sender may be slowed.</param>
    public void Send(SwitchPort from, SwitchPort to, ReadOnlySpan<byte> frame, bool mayWait)
    {
        DateTimeOffset now = _now();
        var passage = new FramePassage(now) { Dropped = _cuts.Contains((from.Name, to.Name)) ? DropCause.Cut : null };
        int bytes = frame.Length - EthernetFrame.Prefix;
        Pass(LinkPart.Network);
        Pass(new LinkPart(from.Name, null));
        Pass(new LinkPart(null, to.Name));
        Pass(new LinkPart(from.Name, to.Name));
        if (passage.Dropped is { } cause)
        {
            to.Counters.NoteDrop(cause, 1);
            return;
        }

        FrameWay way = _ways.GetOrAdd((from, to), ends => new FrameWay(ends.From, ends.To));
        DateTimeOffset due = way.InOrder(passage.Due) + passage.Overtaken;
        for (int copy = 0; copy < passage.Copies; copy++)
        {
            if (due <= now && passage.FlippedBit is null && !way.IsHeld)
                to.Send(from, frame, count: 1, mayWait);
            else if (!_later.TryAdd(way, frame, due, passage.FlippedBit))
                to.Counters.NoteDrop(DropCause.QueueFull, 1);
        }

        void Pass(LinkPart part)
        {
            if (_stages.TryGetValue(part, out LinkStage? stage) && !stage.IsPlain)
                stage.Pass(bytes, ref passage);
        }
    }

    public void Dispose() => _later.Dispose();

    private void Forget()
    {
        foreach (FrameWay way in _ways.Values)
            way.Forget();
    }

    private void Judge() => ArePlain = _cuts.Count == 0 && _stages.Values.All(stage => stage.IsPlain);

    private int SeedOf(LinkPart part) =>
        BitConverter.ToInt32(
            SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{_seed} {_network} {part.From}>{part.To}")))
        );
}

/// <summary>A part of the way: all of the network, what one machine sends, what one gets, or what goes from one to another.</summary>
internal readonly record struct LinkPart(string? From, string? To)
{
    public static LinkPart Network { get; }
}
