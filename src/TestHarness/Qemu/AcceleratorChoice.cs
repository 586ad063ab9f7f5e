using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>The accelerator of a machine.</summary>
/// <param name="Accelerator">What was chosen: not <see cref="Accelerator.Auto"/>.</param>
/// <param name="Reason">What and why, in one line.</param>
/// <param name="LimitScale">The factor for default time limits, at least 1 (<see cref="TimeLimits.Scale"/>).</param>
/// <param name="DeviceGroup">The group that QEMU's user must be put into to open KVM's device; <see langword="null"/>: none.</param>
internal sealed record AcceleratorChoice(Accelerator Accelerator, string Reason, double LimitScale, uint? DeviceGroup)
{
    // Together within 3 s, with the start and the end of two processes. A probe takes 0.2 s under TCG, less under KVM; the rest is for a
    // busy host.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2.8);
    private static readonly TimeSpan KvmLimit = TimeSpan.FromSeconds(1.8);
    private static readonly TimeSpan LeastForTcg = TimeSpan.FromSeconds(0.8);

    /// <summary>
    /// Chooses; proves KVM by a guest where it is wanted, and measures what was chosen. The first time since the host's boot this takes up
    /// to 3 s.
    /// </summary>
    /// <exception cref="HostNotReadyException">KVM is asked for, and no guest runs on it here.</exception>
    public static async Task<AcceleratorChoice> ChooseAsync(Accelerator wanted, AcceleratorHost host, CancellationToken cancellationToken)
    {
        long began = Clock.System.GetTimestamp();
        string reason = "TCG, as MachineSpec.Accelerator says";
        if (wanted != Accelerator.Tcg)
        {
            KvmDevice device = KvmDevice.Look(host.Device);
            AcceleratorProof kvm = device.Obstacle is { } obstacle
                ? new AcceleratorProof(obstacle)
                : await host.ProveAsync(Accelerator.Kvm, $"{device.Identity}", device.Group, [], KvmLimit, cancellationToken)
                    .ConfigureAwait(false);
            if (kvm.Fault is null)
            {
                string proved = wanted == Accelerator.Kvm ? "KVM, as MachineSpec.Accelerator says" : "KVM, on which a probe guest ran";
                return new AcceleratorChoice(Accelerator.Kvm, proved, TimeLimits.ScaleOf(kvm), device.Group);
            }

            if (wanted == Accelerator.Kvm)
                throw Refusal(kvm, device, host);
            reason = $"TCG, because KVM can't be used: {kvm.Fault}";
        }

        TimeSpan left = Limit - Clock.System.GetElapsedTime(began);
        AcceleratorProof tcg = await host.ProveAsync(
                Accelerator.Tcg,
                "",
                null,
                [],
                left > LeastForTcg ? left : LeastForTcg,
                cancellationToken
            )
            .ConfigureAwait(false);
        // A fault of TCG is QEMU's own, and the machine's start tells it better.
        return new AcceleratorChoice(Accelerator.Tcg, reason, TimeLimits.ScaleOf(tcg), null);
    }

    private static HostNotReadyException Refusal(AcceleratorProof proof, KvmDevice device, AcceleratorHost host) =>
        new(
            new FailureText("KVM can't be used on this host, and MachineSpec.Accelerator asks for it.")
                .Add("Reason", proof.Fault)
                .Add("QEMU's words", proof.Words)
                .Try(
                    device.Remedy
                        ?? "Accelerator.Auto or Accelerator.Tcg, which works on every host, more slowly; in a virtual machine its "
                            + "host must allow nested virtualisation. "
                            + "This is remembered until the host boots anew: remove "
                            + $"'{Path.Combine(host.Folder, RunFolderContents.Proofs)}' to have it proved again."
                )
        );
}
