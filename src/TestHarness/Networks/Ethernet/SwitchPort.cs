using TestHarness.Text;

namespace TestHarness.Networks.Ethernet;

/// <summary>
/// A port of a switch: what goes to one machine's card. What the card does not take at once waits, for each sender in a queue of its own
/// with a bound, and goes on in turns. So a sender that floods it fills its own queue alone.
/// </summary>
internal sealed class SwitchPort : IDisposable
{
    // A receiver that has taken nothing for so long is paused or stopped, and nobody waits for it.
    private static readonly TimeSpan Alive = TimeSpan.FromMilliseconds(20);

    // What a sender is slowed by at once where its own queue is full.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly object _gate = new();
    private readonly TimeProvider _time;
    private IFrameSink? _sink;
    private FrameQueue?[] _queues = [];
    private Thread? _drain;
    private int _waiting;
    private int _turn;
    private long _took;
    private bool _isHeld;
    private bool _isDisposed;

    /// <summary>Makes a port.</summary>
    /// <param name="name">The machine's name.</param>
    /// <param name="index">Its place among the ports of its switch.</param>
    /// <param name="card">The address of the machine's card.</param>
    /// <param name="time">The time.</param>
    public SwitchPort(string name, int index, MacAddress card, TimeProvider time)
    {
        (Name, Index, Card, _time) = (name, index, card, time);
        _took = time.GetTimestamp();
    }

    public string Name { get; }

    public int Index { get; }

    public MacAddress Card { get; }

    public PortCounters Counters { get; } = new();

    /// <summary>Whether the machine's cable is pulled out.</summary>
    public bool IsPulled { get; set; }

    /// <summary>Drops what comes for the machine, and what waits for it, until it is let go on.</summary>
    public void Hold(bool isHeld)
    {
        lock (_gate)
        {
            _isHeld = isHeld;
            if (!isHeld)
                return;
            foreach (FrameQueue? queue in _queues)
                queue?.ClearWhole();
            _waiting = _queues.Sum(queue => queue?.Count ?? 0);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Says what takes the frames from now on; what waits is for the one before, and goes with it.</summary>
    /// <param name="sink">What takes them, or <see langword="null"/> where nothing does.</param>
    public void Plug(IFrameSink? sink)
    {
        lock (_gate)
        {
            _sink = sink;
            foreach (FrameQueue? queue in _queues)
                queue?.Clear();
            _waiting = 0;
            _took = _time.GetTimestamp();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Nothing takes the frames any more, where it was this that did.</summary>
    public void Unplug(IFrameSink sink)
    {
        lock (_gate)
        {
            if (_sink == sink)
                Plug(null);
        }
    }

    /// <summary>Sends frames to the machine, keeps them for it, or drops those that have no room.</summary>
    /// <param name="from">The port that they came in by.</param>
    /// <param name="frames">Whole frames, each with its length.</param>
    /// <param name="count">How many.</param>
    /// <param name="mayWait">Whether the sender may be slowed: not where others get the frames, too.</param>
    public void Send(SwitchPort from, ReadOnlySpan<byte> frames, int count, bool mayWait)
    {
        lock (_gate)
        {
            if (mayWait)
                WaitForRoom(from, frames.Length);
            if (_sink is not { } sink || IsPulled)
            {
                Counters.NoteDrop(DropCause.NotConnected, count);
                return;
            }

            if (_isHeld)
            {
                Counters.NoteDrop(DropCause.Cut, count);
                return;
            }

            int sent = _waiting == 0 ? sink.TrySend(frames) : 0;
            if (sent > 0)
                _took = _time.GetTimestamp();
            int kept = sent == frames.Length ? sent : Keep(QueueOf(from), frames, sent);
            int dropped = CountOf(frames[kept..]);
            Counters.NoteOut(count - dropped, kept - ((count - dropped) * EthernetFrame.Prefix));
            if (dropped > 0)
                Counters.NoteDrop(DropCause.QueueFull, dropped);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _sink = null;
            Monitor.PulseAll(_gate);
        }

        _drain?.Join();
    }

    private static int CountOf(ReadOnlySpan<byte> frames)
    {
        int count = 0;
        for (int at = 0; at < frames.Length; count++)
            at += EthernetFrame.Prefix + EthernetFrame.LengthOf(frames[at..]);
        return count;
    }

    // Returns how many bytes were sent or are kept.
    private int Keep(FrameQueue queue, ReadOnlySpan<byte> frames, int sent)
    {
        int at = 0,
            before = queue.Count;
        while (at < sent)
            at += EthernetFrame.Prefix + EthernetFrame.LengthOf(frames[at..]);
        // The frame that was sent in part is the last one that has begun.
        if (at > sent)
            queue.AddRest(frames[sent..at]);
        int kept = at + queue.Add(frames[at..]);
        _waiting += queue.Count - before;
        if (_drain is null)
        {
            _drain = new Thread(Drain) { IsBackground = true, Name = $"to {Name}" };
            _drain.Start();
        }

        Monitor.PulseAll(_gate);
        return kept;
    }

    private FrameQueue QueueOf(SwitchPort from)
    {
        if (from.Index >= _queues.Length)
            Array.Resize(ref _queues, from.Index + 1);
        return _queues[from.Index] ??= new FrameQueue();
    }

    private void WaitForRoom(SwitchPort from, int bytes)
    {
        long began = _time.GetTimestamp();
        while (
            from.Index < _queues.Length
            && _queues[from.Index] is { } queue
            && queue.Count + bytes > FrameQueue.Room
            && !_isDisposed
            && _time.GetElapsedTime(_took) < Alive
            && _time.GetElapsedTime(began) < LongestWait
        )
            Monitor.Wait(_gate, 1);
    }

    private void Drain()
    {
        while (true)
        {
            IFrameSink? full;
            lock (_gate)
            {
                while (_waiting == 0 && !_isDisposed)
                    Monitor.Wait(_gate);
                if (_isDisposed)
                    return;
                full = TrySendNext(_sink!) ? null : _sink;
            }

            full?.WaitForRoom(Look);
        }
    }

    // From one queue after the other; a frame that has begun is finished first.
    private bool TrySendNext(IFrameSink sink)
    {
        FrameQueue queue = Array.Find(_queues, one => one is { Begun: > 0 }) ?? InTurn();
        int sent = sink.TrySend(queue.Next);
        if (sent == 0)
            return false;
        _took = _time.GetTimestamp();
        _waiting -= sent;
        queue.Remove(sent);
        Monitor.PulseAll(_gate);
        return true;
    }

    private FrameQueue InTurn()
    {
        do _turn = (_turn + 1) % _queues.Length;
        while (_queues[_turn] is not { Count: > 0 });
        return _queues[_turn]!;
    }
}
