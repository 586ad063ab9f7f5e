using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace TestHarness.Networks.Ethernet;

/// <summary>What the ways between the machines of a network are like, and which of them are cut. Machines go by their names.</summary>
/// <param name="network">The network's name.</param>
/// <param name="seed">What everything random follows from.</param>
/// <param name="time">The time.</param>
internal sealed class LinkFaults(string network, int seed, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<LinkPart, LinkStage> _stages = new();
    private readonly ConcurrentDictionary<(string From, string To), DateTimeOffset> _lastDue = new();
    private readonly DelayLine _later = new(network, time);
    private volatile HashSet<(string From, string To)> _cuts = [];

    /// <summary>Whether frames are carried as they come, so that nobody need ask.</summary>
    public bool ArePlain { get; private set; } = true;

    /// <summary>Sets the conditions of a part of the way; <see langword="null"/> for none.</summary>
    public void Set(LinkPart part, LinkConditions? conditions)
    {
        lock (_gate)
        {
            _stages.GetOrAdd(part, one => new LinkStage(SeedOf(one))).Set(conditions);
            Judge();
        }
    }

    /// <summary>Takes all conditions away; what is cut stays so.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            foreach (LinkStage stage in _stages.Values)
                stage.Set(null);
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

    /// <summary>Carries a frame from one port to another as the way between them is.</summary>
    /// <param name="from">Where it came from.</param>
    /// <param name="to">Where it goes.</param>
    /// <param name="frame">The frame with its length.</param>
    /// <param name="mayWait">Whether the sender may be slowed.</param>
    public void Send(SwitchPort from, SwitchPort to, ReadOnlySpan<byte> frame, bool mayWait)
    {
        DateTimeOffset now = time.GetUtcNow();
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

        DateTimeOffset due = InOrder((from.Name, to.Name), passage.Due) + passage.Overtaken;
        for (int copy = 0; copy < passage.Copies; copy++)
        {
            if (due <= now && passage.FlippedBit is null)
                to.Send(from, frame, count: 1, mayWait);
            else if (!_later.TryAdd(from, to, frame, due, passage.FlippedBit))
                to.Counters.NoteDrop(DropCause.QueueFull, 1);
        }

        void Pass(LinkPart part)
        {
            if (_stages.TryGetValue(part, out LinkStage? stage) && !stage.IsPlain)
                stage.Pass(bytes, ref passage);
        }
    }

    public void Dispose() => _later.Dispose();

    // A frame comes no earlier than the one before it, also where the conditions have changed meanwhile.
    private DateTimeOffset InOrder((string, string) way, DateTimeOffset due) =>
        _lastDue.AddOrUpdate(way, due, (_, last) => last > due ? last : due);

    private void Judge() => ArePlain = _cuts.Count == 0 && _stages.Values.All(stage => stage.IsPlain);

    private int SeedOf(LinkPart part) =>
        BitConverter.ToInt32(
            SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed} {network} {part.From}>{part.To}")))
        );
}

/// <summary>A part of the way: all of the network, what one machine sends, what one gets, or what goes from one to another.</summary>
internal readonly record struct LinkPart(string? From, string? To)
{
    public static LinkPart Network { get; }
}
