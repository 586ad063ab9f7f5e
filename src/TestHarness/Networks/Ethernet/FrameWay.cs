namespace TestHarness.Networks.Ethernet;

/// <summary>What is on its way from one port to another.</summary>
internal sealed class FrameWay(SwitchPort from, SwitchPort to)
{
    private readonly Lock _gate = new();
    private int _under;
    private DateTimeOffset _lastDue;

    public SwitchPort From => from;

    public SwitchPort To => to;

    /// <summary>Whether frames are held on it, which a later one would overtake.</summary>
    public bool IsHeld => Volatile.Read(ref _under) > 0;

    public void Begin() => Interlocked.Increment(ref _under);

    public void End() => Interlocked.Decrement(ref _under);

    /// <summary>A frame comes no earlier than the one before it.</summary>
    public DateTimeOffset InOrder(DateTimeOffset due)
    {
        lock (_gate)
            return _lastDue = _lastDue > due ? _lastDue : due;
    }

    /// <summary>The conditions are other ones: what comes now does not wait for what is on its way.</summary>
    public void Forget()
    {
        lock (_gate)
            _lastDue = default;
    }
}
