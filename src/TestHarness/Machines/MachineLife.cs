namespace TestHarness.Machines;

/// <summary>
/// Where a machine is in its life, and how it ends. Starter, exit watch, monitor and caller bring in their signs in whatever order these
/// come; one verdict comes out. All is behind one lock: no state follows an end, and of two ends the first one stays.
/// </summary>
internal sealed class MachineLife
{
    private readonly Lock _gate = new();
    private MachineState _state = MachineState.Created;
    private MachineExit? _exit;
    private object? _leftToStarter;
    private TaskCompletionSource _returned = NewSource();
    private bool _killed;
    private bool _guestShutDown;
    private bool _guestReset;
    private string? _monitorLost;
    private string? _notBack;

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

    /// <summary>Gets a value indicating whether the library ends the machine, or has.</summary>
    public bool IsKilled
    {
        get
        {
            lock (_gate)
                return _killed;
        }
    }

    /// <summary>Why the monitor was lost while QEMU lived on, or <see langword="null"/>.</summary>
    public string? MonitorLost
    {
        get
        {
            lock (_gate)
                return _monitorLost;
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
            return TryBecome(from, to);
    }

    /// <summary>The library ends the machine: whatever shows from now on follows from that.</summary>
    public void Kill()
    {
        lock (_gate)
            _killed = true;
    }

    /// <summary>QEMU tells that it is about to end.</summary>
    /// <param name="byGuest">Whether the guest asked for it.</param>
    /// <param name="toReset">Whether the guest restarts.</param>
    public void SeeShutdown(bool byGuest, bool toReset)
    {
        lock (_gate)
        {
            _guestShutDown |= byGuest;
            _guestReset |= toReset;
        }
    }

    /// <summary>The monitor is lost. True where QEMU is not on its way out, and has to be ended.</summary>
    public bool TryLoseMonitor(string? why)
    {
        lock (_gate)
        {
            if (_guestShutDown || _guestReset || _killed)
                return false;
            _monitorLost = why;
            return true;
        }
    }

    /// <summary>The guest is lost while QEMU lives on. False where the library ends the machine, or it has ended.</summary>
    public bool TryBreak(MachineExit broken)
    {
        lock (_gate)
            return !_killed && ReferenceEquals(EndAs(broken), broken);
    }

    /// <summary>A QEMU has ended. Says who goes on from here.</summary>
    public QemuEndIs SeeEnd(object qemu, int exitCode)
    {
        lock (_gate)
        {
            if (!_killed && _state == MachineState.Starting)
            {
                _leftToStarter = qemu;
                return QemuEndIs.ForStarter;
            }

            return _guestReset && exitCode == 0 && !_killed ? QemuEndIs.Reboot : QemuEndIs.Final;
        }
    }

    /// <summary>
    /// The guest is about to come back in a new QEMU. False where there was no guest that is up, or the machine has ended.
    /// </summary>
    public bool TryReboot()
    {
        lock (_gate)
        {
            if (
                _killed
                || !(TryBecome(MachineState.Running, MachineState.Rebooting) || TryBecome(MachineState.Paused, MachineState.Rebooting))
            )
                return false;
            _guestReset = _guestShutDown = false;
            return true;
        }
    }

    /// <summary>The guest did not come back in a new QEMU, which is ended for that; or the library ended it on the way.</summary>
    public void FailReturn(string why)
    {
        lock (_gate)
        {
            if (!_killed)
                _notBack = why;
        }
    }

    /// <summary>The start is done. False where the end of its QEMU was left to the starter, who then has it watched anew.</summary>
    public bool FinishStart(object qemu)
    {
        lock (_gate)
        {
            TryBecome(MachineState.Starting, MachineState.Running);
            return _leftToStarter != qemu;
        }
    }

    /// <summary>The machine's last QEMU has ended. Returns the end that is kept: the first one.</summary>
    public MachineExit Judge(QemuEnd end)
    {
        lock (_gate)
        {
            (MachineExitReason reason, string? detail) = this switch
            {
                { _killed: true } => (MachineExitReason.Killed, end.CutDisk ?? end.OutOfMemory),
                _ when end.CutDisk is not null => (MachineExitReason.HostDiskFailed, end.CutDisk),
                { _monitorLost: { } lost } => (MachineExitReason.MonitorLost, $"QEMU lived on without its monitor and was ended ({lost})"),
                { _guestShutDown: true } when end.ExitCode == 0 => (MachineExitReason.GuestShutdown, _notBack),
                _ when end.OutOfMemory is not null => (MachineExitReason.HostOutOfMemory, end.OutOfMemory),
                _ => (MachineExitReason.QemuExited, _notBack),
            };
            return EndAs(new MachineExit(reason, end.ExitCode, end.StandardError) { Detail = detail });
        }
    }

    /// <summary>The machine has ended. Returns the end that is kept: the first one.</summary>
    public MachineExit End(MachineExit exit)
    {
        lock (_gate)
            return EndAs(exit);
    }

    /// <summary>Nothing of the machine is left. One whose start failed has no exit.</summary>
    public void Close()
    {
        lock (_gate)
            Become(MachineState.Stopped);
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Under the gate, as all below.
    private bool TryBecome(MachineState from, MachineState to)
    {
        if (_exit is not null || _state != from)
            return false;
        Become(to);
        return true;
    }

    private MachineExit EndAs(MachineExit exit)
    {
        Become(MachineState.Stopped);
        return _exit ??= exit;
    }

    private void Become(MachineState state)
    {
        _state = state;
        if (state == MachineState.Rebooting)
            _returned = NewSource();
        else
            _returned.TrySetResult();
    }
}
