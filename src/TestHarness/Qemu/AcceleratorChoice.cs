namespace TestHarness.Qemu;

/// <summary>Chooses the accelerator and says why.</summary>
internal static class AcceleratorChoice
{
    public static (Accelerator Chosen, string Why) Choose(Accelerator wanted) => wanted switch
    {
        Accelerator.Kvm => (Accelerator.Kvm, "KVM, as MachineSpec.Accelerator says"),
        Accelerator.Tcg => (Accelerator.Tcg, "TCG, as MachineSpec.Accelerator says"),
        // That /dev/kvm opens proves nothing: there are hosts where a guest then hangs. TCG works on all.
        _ => (Accelerator.Tcg, "TCG, which works on every host (ask for Accelerator.Kvm where KVM is known to work)"),
    };
}
