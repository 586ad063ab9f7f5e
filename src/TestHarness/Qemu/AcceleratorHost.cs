using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>What an accelerator is chosen for.</summary>
/// <param name="Program">Path of QEMU.</param>
internal sealed record AcceleratorHost(string Program)
{
    /// <summary>KVM's device. QEMU itself always opens <c>/dev/kvm</c>.</summary>
    public string Device { get; init; } = KvmDevice.DefaultPath;

    /// <summary>Where it is kept what was proved.</summary>
    public string Folder { get; init; } = RunFolder.ForUser();
}
