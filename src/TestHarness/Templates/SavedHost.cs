using System.Globalization;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Templates;

/// <summary>What of a host a saved machine depends on.</summary>
/// <param name="Qemu">QEMU's version: its first two numbers, for a machine type's devices change with them.</param>
/// <param name="Accelerator">What executed the guest's instructions.</param>
/// <param name="Processor">The host's processor: model and flags.</param>
/// <param name="Kilohertz">The rate of its time stamp counter, which is the guest's under TCG; or <see langword="null"/>.</param>
/// <param name="Protocol">The version of the protocol of the agent in the guest's memory.</param>
internal sealed record SavedHost(string Qemu, Accelerator Accelerator, string Processor, long? Kilohertz, int Protocol)
{
    // A clock that is wrong by as much is wrong by a minute in fifteen hours.
    private const double LargestDrift = 0.001;

    /// <summary>Describes this host.</summary>
    /// <param name="program">Path of QEMU.</param>
    /// <param name="accelerator">What was chosen.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HostNotReadyException">QEMU does not say its version.</exception>
    public static async Task<SavedHost> OfAsync(string program, Accelerator accelerator, CancellationToken cancellationToken) =>
        new(
            await QemuVersion.OfAsync(program, cancellationToken).ConfigureAwait(false),
            accelerator,
            TemplateKey.HostProcessor(),
            TimeStampCounter.Kilohertz,
            AgentProtocol.Version
        );

    /// <summary>Returns why what was saved on this host can't go on on another one, or <see langword="null"/>.</summary>
    /// <param name="other">The other host.</param>
    public string? FindObstacle(SavedHost other)
    {
        if (Qemu != other.Qemu)
            return $"it was saved by QEMU {Qemu}, and this is {other.Qemu}";
        if (Protocol != other.Protocol)
            return $"the agent in its memory speaks version {Protocol} of the protocol, and this library speaks {other.Protocol}";
        if (Processor == other.Processor)
            return null;
        if (Accelerator == Accelerator.Kvm)
            return $"it was saved under KVM on another processor ({Model(Processor)}), and this is {Model(other.Processor)}";
        return Kilohertz is { } then && other.Kilohertz is { } now && Math.Abs((double)now / then - 1) > LargestDrift
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"its clock counts {then / 1000} MHz, and this processor's time stamp counter has {now / 1000}: time would go wrong in it"
            )
            : null;
    }

    private static string Model(string processor) =>
        processor.Split('\n').FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[^1].Trim()
        ?? "an unknown one";
}
