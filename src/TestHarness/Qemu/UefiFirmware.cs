using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>OVMF: UEFI firmware for QEMU, as the distribution has it.</summary>
/// <param name="Code">The firmware itself, which machines share and nobody writes.</param>
/// <param name="Variables">The variables that each machine's own copy begins with.</param>
internal sealed record UefiFirmware(string Code, string Variables)
{
    /// <summary>Gets what changes when the firmware does.</summary>
    public string Key => $"{Native.StatusOf(Code)?.Identity} {Native.StatusOf(Variables)?.Identity}";

    /// <summary>Finds what a machine needs of it; nothing where it does not boot by UEFI.</summary>
    /// <exception cref="HostNotReadyException">The host does not have it.</exception>
    public static UefiFirmware? For(MachineSpec spec) => spec.Firmware == Firmware.Uefi ? Find(Board.Of(spec).Uefi) : null;

    /// <summary>Returns the first that is whole.</summary>
    /// <exception cref="HostNotReadyException">None is.</exception>
    public static UefiFirmware Find(IReadOnlyList<UefiFirmware> known) =>
        known.FirstOrDefault(firmware => File.Exists(firmware.Code) && File.Exists(firmware.Variables))
        ?? throw new HostNotReadyException(
            new FailureText("The host lacks the UEFI firmware that a machine with Firmware = Uefi needs.")
                .Add("Missing", $"{known[0].Code} and {known[0].Variables}  (Debian package ovmf)")
                .Try("sudo apt-get install --no-install-recommends ovmf")
        );
}
