namespace TestHarness;

/// <summary>Why a machine did not come up.</summary>
public enum MachineFault
{
    /// <summary>QEMU refused to start or ended; the message has its own words.</summary>
    QemuExited,

    /// <summary>The guest's kernel panicked.</summary>
    KernelPanic,

    /// <summary>The guest's kernel or initramfs did not find or mount the root device.</summary>
    NoRootDevice,

    /// <summary>The initramfs gave up and opened a shell on the console.</summary>
    InitramfsShell,

    /// <summary>The guest's init gave up and opened an emergency or rescue shell on the console.</summary>
    EmergencyShell,

    /// <summary>Boot loader or firmware found nothing to boot.</summary>
    NothingToBoot,

    /// <summary>The guest shows a login prompt, but nothing in it answers the library.</summary>
    NoWayIn,

    /// <summary>What answers on the guest's SSH port has another host key than the one that was pinned.</summary>
    HostKeyMismatch,

    /// <summary>The guest answers over SSH or its QEMU guest agent, but does not let the library in, or not far enough.</summary>
    AccessRefused,

    /// <summary>The guest reset itself on its way up.</summary>
    GuestReset,

    /// <summary>The guest powered itself off on its way up.</summary>
    GuestPowerOff,

    /// <summary>The machine's watchdog fired.</summary>
    WatchdogFired,

    /// <summary>Serial console, screen and processor stood still for <see cref="MachineSpec.NoProgressTimeout"/>.</summary>
    NoProgress,

    /// <summary><see cref="MachineSpec.StartTimeout"/> ran out.</summary>
    Deadline,

    /// <summary>A command of the image's or the agent's failed in a guest that is up.</summary>
    GuestNotReady,

    /// <summary>QEMU's monitor did not greet, did not answer, or broke.</summary>
    MonitorLost,

    /// <summary>The test ended the machine on its way up.</summary>
    EndedByTest,

    /// <summary>The host could not store what the guest wrote.</summary>
    HostDiskFull,

    /// <summary>The host or its control group ran out of memory, and the host's kernel killed QEMU.</summary>
    HostOutOfMemory,

    /// <summary>A file of the host's that the machine runs on could not be read or written, or was cut or damaged.</summary>
    HostDiskFailed,

    /// <summary>Firmware or guest began its boot again and again: 15 times within a minute.</summary>
    BootLoop,

    /// <summary>The guest has too little memory (<see cref="MachineSpec.MemoryMiB"/>) to come up.</summary>
    GuestOutOfMemory,

    /// <summary>A step of <see cref="MachineSpec.Setup"/> failed in a guest that is up.</summary>
    SetupFailed,
}
