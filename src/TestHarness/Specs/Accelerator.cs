namespace TestHarness;

/// <summary>What executes the guest's instructions.</summary>
public enum Accelerator
{
    /// <summary>
    /// KVM where it works, else TCG. That <c>/dev/kvm</c> exists proves nothing: a tiny guest is run on it, once per boot of the host,
    /// within 3 s. The start's progress says in one line what was chosen and why.
    /// </summary>
    Auto,

    /// <summary>
    /// The host's processor, by way of <c>/dev/kvm</c>. Where no guest runs on it the start fails at once with a
    /// <see cref="HostNotReadyException"/> that says why and what to do.
    /// </summary>
    Kvm,

    /// <summary>QEMU's translator. Works on every host, more slowly.</summary>
    Tcg,
}
