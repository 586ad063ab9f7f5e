namespace TestHarness.Machines;

/// <summary>
/// Where a machine is in its life, and how it ended. Starter, exit watch, monitor and caller all change it, so both are behind one lock: no state follows an
/// end, and of two ends the first one stays.
/// </summary>
internal sealed class MachineLife
{
    private readonly Lock _gate = new();
    private MachineState _state = MachineState.Created;
    private MachineExit? _exit;
    private object? _leftToStarter;
    private TaskCompletionSource _returned = NewSource();

    public MachineLife() => _returned.SetResult();

    public MachineState State
    {
        get
        {
            lock (_gate)
                return _state;
        }
    }

    /// <summary>How the machine ended, or <see langword="null"/> while it has not.</summary>
    public MachineExit? Exit
    {
        get
        {
            lock (_gate)
                return _exit;
        }
    }

    /// <summary>Ends when the machine is on no way down and up again: up, or stopped.</summary>
    public Task Returned
    {
        get
        {
            lock (_gate)
                return _returned.Task;
        }
    }

    /// <summary>Goes from one state to another. False where the machine is in another state by now, or has ended.</summary>
    public bool TryMove(MachineState from, MachineState to)
    {
        lock (_gate)
        {
            if (_exit is not null || _state != from)
                return false;
            Become(to);
            return true;
        }
    }

    /// <summary>The guest is about to come back in a new QEMU. False where there was no guest that is up, or the machine has ended.</summary>
    public bool TryReboot() => TryMove(MachineState.Running, MachineState.Rebooting) || TryMove(MachineState.Paused, MachineState.Rebooting);

    /// <summary>The watch has seen a QEMU end. True where a start is under way: the starter judges such an end.</summary>
    public bool TryLeaveToStarter(object qemu)
    {
        lock (_gate)
        {
            if (_state != MachineState.Starting)
                return false;
            _leftToStarter = qemu;
            return true;
        }
    }

    /// <summary>The start is done. False where the end of its QEMU was left to the starter, who then has it watched anew.</summary>
    public bool FinishStart(object qemu)
    {
        lock (_gate)
        {
            if (_exit is null && _state == MachineState.Starting)
                Become(MachineState.Running);
            return _leftToStarter != qemu;
        }
    }

    /// <summary>The machine has ended. Returns the end that is kept: the first one.</summary>
    public MachineExit End(MachineExit exit)
    {
        lock (_gate)
        {
            Become(MachineState.Stopped);
            return _exit ??= exit;
        }
    }

    /// <summary>Nothing of the machine is left. One whose start failed has no exit.</summary>
    public void Close()
    {
        lock (_gate)
            Become(MachineState.Stopped);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Under the gate.
    private void Become(MachineState state)
    {
        _state = state;
        if (state == MachineState.Rebooting)
            _returned = NewSource();
        else
            _returned.TrySetResult();
    }
}
