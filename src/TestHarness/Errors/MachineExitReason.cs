namespace TestHarness;

/// <summary>Why a machine ended.</summary>
public enum MachineExitReason
{
    /// <summary>The guest powered itself off, asked to or on its own.</summary>
    GuestShutdown,

    /// <summary>The library ended QEMU, because the test asked for it or the machine was disposed.</summary>
    Killed,

    /// <summary>QEMU ended without anybody of ours asking: an error of its own, or a signal from elsewhere.</summary>
    QemuExited,

    /// <summary>QEMU's monitor broke while QEMU lived on, so the library ended it.</summary>
    MonitorLost,

    /// <summary>The guest's kernel panicked. QEMU keeps its memory and screen until the machine is disposed.</summary>
    KernelPanic,

    /// <summary>
    /// The host could not store what the guest wrote, so QEMU stopped it. It keeps memory and screen until the machine is disposed.
    /// </summary>
    HostDiskFull,

    /// <summary>The host or its control group ran out of memory, and the host's kernel killed QEMU.</summary>
    HostOutOfMemory,

    /// <summary>
    /// A file of the host's that the machine runs on could not be read or written, or was cut or damaged. QEMU keeps memory and screen
    /// until the machine is disposed.
    /// </summary>
    HostDiskFailed,

    /// <summary>
    /// Firmware or guest began its boot again and again: 15 times within a minute. QEMU keeps memory and screen until the machine is
    /// disposed.
    /// </summary>
    BootLoop,
}
