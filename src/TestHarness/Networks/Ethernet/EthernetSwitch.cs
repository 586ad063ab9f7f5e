using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace TestHarness.Networks.Ethernet;

/// <summary>
/// Carries frames between the ports of one network: to the port that a card was seen at, and to all where none was. The cards of its
/// machines are known from the start, so no other machine can draw their frames to itself.
/// </summary>
/// <param name="time">The time.</param>
/// <param name="capture">What keeps the latest frames.</param>
/// <param name="faults">What the ways between machines are like.</param>
internal sealed class EthernetSwitch(TimeProvider time, FrameCapture capture, LinkFaults faults) : IDisposable
{
    // What goes to one port in one piece: well below what a sender may have waiting there.
    private const int MostAtOnce = FrameQueue.Room / 2;

    // A machine that sends from ever new addresses fills no more than that.
    private const int MostLearned = 4096;

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<ulong, SwitchPort> _cards = new();
    private readonly ConcurrentDictionary<ulong, SwitchPort> _learned = new();
    private volatile SwitchPort[] _ports = [];
    private readonly List<string> _names = [];

    public IReadOnlyList<SwitchPort> Ports => _ports;

    /// <summary>The names of all ports that there were, by their numbers.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate)
                return [.. _names];
        }
    }

    /// <summary>Adds a port.</summary>
    /// <param name="name">The machine's name.</param>
    /// <param name="card">The address of its card.</param>
    /// <exception cref="ArgumentException">Another port has a card of that address.</exception>
    public SwitchPort Add(string name, MacAddress card)
    {
        lock (_gate)
        {
            var port = new SwitchPort(name, _names.Count, card, time);
            if (!_cards.TryAdd(card.Value, port))
                throw new ArgumentException(
                    $"The card {card} of '{name}' is there already: '{_cards[card.Value].Name}' has it.",
                    nameof(card)
                );
            _names.Add(name);
            _ports = [.. _ports, port];
            return port;
        }
    }

    /// <summary>Removes a port.</summary>
    public void Remove(SwitchPort port)
    {
        lock (_gate)
        {
            _ports = [.. _ports.Where(other => other != port)];
            _cards.TryRemove(KeyValuePair.Create(port.Card.Value, port));
            foreach ((ulong address, SwitchPort at) in _learned)
            {
                if (at == port)
                    _learned.TryRemove(KeyValuePair.Create(address, port));
            }
        }

        faults.Remove(port);
        port.Dispose();
    }

    /// <summary>Carries what came in by a port. Returns how many bytes: the rest is a frame that is not whole yet.</summary>
    /// <exception cref="InvalidDataException">That is no stream of frames.</exception>
    public int Carry(SwitchPort from, ReadOnlySpan<byte> stream)
    {
        int begin = 0,
            at = 0,
            count = 0,
            frames = 0;
        SwitchPort? to = null;
        // Asked once, for those that wait to go in one piece.
        bool isPlain = faults.ArePlain;
        int end = EndOfWhole(from, stream);
        // Before anybody answers.
        capture.Add(from.Index, stream[..end]);
        while (at < end)
        {
            int length = EthernetFrame.LengthOf(stream[at..]);
            ReadOnlySpan<byte> frame = stream.Slice(at + EthernetFrame.Prefix, length);
            SwitchPort? next = TargetOf(from, frame, out bool toAll);
            // Those that go to the same port go in one piece.
            if (count > 0 && (next != to || next is null || at - begin >= MostAtOnce))
            {
                to!.Send(from, stream[begin..at], count, mayWait: true);
                count = 0;
            }

            if (toAll)
                Flood(from, stream.Slice(at, EthernetFrame.Prefix + length));
            else if (next is not null && !isPlain)
                faults.Send(from, next, stream.Slice(at, EthernetFrame.Prefix + length), mayWait: true);
            else if (next is not null)
                (begin, count) = (count == 0 ? at : begin, count + 1);
            to = next;
            at += EthernetFrame.Prefix + length;
            frames++;
        }

        if (count > 0)
            to!.Send(from, stream[begin..at], count, mayWait: true);
        from.Counters.NoteIn(frames, at - (frames * EthernetFrame.Prefix));
        return at;
    }

    /// <summary>
    /// Sends a frame of this process's own to the one card that it is for; where no machine has that card, to nobody. It never waits.
    /// </summary>
    /// <param name="from">The port that it is sent by.</param>
    /// <param name="frame">The frame, without its length.</param>
    public void SendOwn(SwitchPort from, ReadOnlySpan<byte> frame)
    {
        if (!_cards.TryGetValue(EthernetFrame.TargetOf(frame).Value, out SwitchPort? to))
            return;
        byte[] sent = [0, 0, 0, 0, .. frame];
        BinaryPrimitives.WriteInt32BigEndian(sent, frame.Length);
        capture.Add(from.Index, sent);
        from.Counters.NoteIn(1, frame.Length);
        Send(from, to, sent);
    }

    public void Dispose()
    {
        faults.Dispose();
        foreach (SwitchPort port in _ports)
            port.Dispose();
    }

    private static int EndOfWhole(SwitchPort from, ReadOnlySpan<byte> stream)
    {
        int at = 0;
        while (stream.Length - at >= EthernetFrame.Prefix)
        {
            int length = EthernetFrame.LengthOf(stream[at..]);
            if (length is < 0 or > EthernetFrame.Largest)
                throw new InvalidDataException($"A frame of {length} bytes came from '{from.Name}'.");
            if (stream.Length - at - EthernetFrame.Prefix < length)
                break;
            at += EthernetFrame.Prefix + length;
        }

        return at;
    }

    private SwitchPort? TargetOf(SwitchPort from, ReadOnlySpan<byte> frame, out bool toAll)
    {
        toAll = false;
        if (frame.Length < EthernetFrame.Header)
        {
            from.Counters.NoteDrop(DropCause.Malformed, 1);
            return null;
        }

        if (!Learn(from, EthernetFrame.SourceOf(frame)))
        {
            from.Counters.NoteDrop(DropCause.ForgedSource, 1);
            return null;
        }

        MacAddress target = EthernetFrame.TargetOf(frame);
        if (target.IsUnicast && (_cards.TryGetValue(target.Value, out SwitchPort? port) || _learned.TryGetValue(target.Value, out port)))
            return port == from ? null : port;
        toAll = true;
        return null;
    }

    private bool Learn(SwitchPort from, MacAddress source)
    {
        if (source == from.Card)
            return true;
        if (_cards.ContainsKey(source.Value))
            return false;
        if (source.IsUnicast && (!_learned.TryGetValue(source.Value, out SwitchPort? at) || at != from))
        {
            if (_learned.Count >= MostLearned)
                _learned.Clear();
            _learned[source.Value] = from;
        }

        return true;
    }

    private void Flood(SwitchPort from, ReadOnlySpan<byte> frame)
    {
        foreach (SwitchPort port in _ports)
        {
            if (port != from)
                Send(from, port, frame);
        }
    }

    private void Send(SwitchPort from, SwitchPort to, ReadOnlySpan<byte> frame)
    {
        if (faults.ArePlain)
            to.Send(from, frame, count: 1, mayWait: false);
        else
            faults.Send(from, to, frame, mayWait: false);
    }
}
