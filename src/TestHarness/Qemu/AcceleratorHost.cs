using System.ComponentModel;
using System.Globalization;
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

    /// <summary>Proves by a guest that machines of a kind run, once for each boot of the host and each QEMU.</summary>
    /// <param name="accelerator">Which: not <see cref="Accelerator.Auto"/>.</param>
    /// <param name="device">What tells the accelerator's device from another one; empty: it has none.</param>
    /// <param name="deviceGroup">The group that QEMU's user needs for that device.</param>
    /// <param name="also">Arguments of QEMU that machines have as well.</param>
    /// <param name="limit">When the guest is killed.</param>
    /// <param name="cancellationToken">Kills it earlier.</param>
    public async Task<AcceleratorProof> ProveAsync(
        Accelerator accelerator,
        string device,
        uint? deviceGroup,
        IReadOnlyList<string> also,
        TimeSpan limit,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var qemu = new FileInfo(Program);
            string key = string.Create(
                CultureInfo.InvariantCulture,
                $"{accelerator} {AcceleratorProbe.Version} {Program} {qemu.Length} {qemu.LastWriteTimeUtc.Ticks} {device} "
                    + $"{deviceGroup} {string.Join(' ', also)}"
            );
            return await AcceleratorProofs
                .GetAsync(
                    Folder,
                    key,
                    token => AcceleratorProbe.RunAsync(Program, accelerator, deviceGroup, also, limit, token),
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception)
        {
            // Not kept: it says nothing of the accelerator.
            return new AcceleratorProof($"the probe could not be run: {e.Message}");
        }
    }
}
