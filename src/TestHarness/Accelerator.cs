namespace TestHarness;

/// <summary>What executes the guest's instructions.</summary>
public enum Accelerator
{
    /// <summary>The library chooses, and says what and why in the start's progress.</summary>
    Auto,

    /// <summary>The host's processor, by way of <c>/dev/kvm</c>.</summary>
    Kvm,

    /// <summary>QEMU's translator. Works on every host.</summary>
    Tcg,
}
