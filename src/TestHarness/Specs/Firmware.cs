namespace TestHarness;

/// <summary>What a machine boots by.</summary>
public enum Firmware
{
    /// <summary>
    /// A kernel that QEMU starts directly: the recipe's, or one beside the disk or named (<see cref="MachineSpec.Kernel"/>).
    /// </summary>
    Kernel,

    /// <summary>
    /// The disk's boot sector, by the PC's traditional firmware (SeaBIOS, which comes with QEMU). What it shows is on the serial console,
    /// too.
    /// </summary>
    Bios,

    /// <summary>
    /// The disk's EFI system partition, by UEFI firmware (OVMF, from the distribution's package <c>ovmf</c>), with variables of the
    /// machine's own.
    /// </summary>
    Uefi,
}
