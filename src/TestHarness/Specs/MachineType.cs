namespace TestHarness;

/// <summary>QEMU's machine type.</summary>
public enum MachineType
{
    /// <summary>A PC with PCI Express (<c>-machine q35</c>).</summary>
    Q35,

    /// <summary>
    /// A machine without PCI, firmware tables and display that boots quicker (<c>-machine microvm</c>, see QEMU's system/i386/microvm
    /// page).
    /// </summary>
    Microvm,
}
