namespace TestHarness.Machines;

/// <summary>Who goes on when a QEMU has ended.</summary>
internal enum QemuEndIs
{
    /// <summary>The start, which looks after a QEMU that ends on the way.</summary>
    ForStarter,

    /// <summary>A new QEMU, in which the guest restarts.</summary>
    Reboot,

    /// <summary>Nobody: the machine has ended.</summary>
    Final,
}
