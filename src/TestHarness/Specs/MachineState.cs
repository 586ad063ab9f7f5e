namespace TestHarness;

/// <summary>Where a machine is in its life.</summary>
public enum MachineState
{
    /// <summary>Described, not started.</summary>
    Created,

    /// <summary>On its way to <see cref="Running"/>.</summary>
    Starting,

    /// <summary>The guest is up and answers.</summary>
    Running,

    /// <summary>The guest stands still (<see cref="VirtualMachine.PauseAsync"/>).</summary>
    Paused,

    /// <summary>The guest is on its way down and up again.</summary>
    Rebooting,

    /// <summary>QEMU has ended; <see cref="VirtualMachine.Exit"/> says why.</summary>
    Stopped,
}
