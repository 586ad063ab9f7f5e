using System.Text.Json.Nodes;

namespace TestHarness.Qemu;

/// <summary>
/// What is a board's own: another type of machine, or another architecture, is another board (QEMU's docs/system/i386/pc.html and
/// microvm.html).
/// </summary>
internal sealed class Board
{
    // Without secure boot: nobody has signed what a test boots. Newer releases have the larger size only.
    private static readonly UefiFirmware[] Ovmf =
    [
        new("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        new("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ];

    private static readonly Board Q35 = new()
    {
        Program = "qemu-system-x86_64",
        Machine = "q35,vmport=off",
        VirtioBus = "pci",
        // A PC has four ISA serial ports.
        SerialPorts = 4,
        Uefi = Ovmf,
        TextMemory = 0xb8000,
        SignDevices =
        [
            // A new one in each process: tells Linux that it is a copy now (QEMU's docs/specs/vmgenid).
            () => new JsonObject { ["driver"] = "vmgenid", ["guid"] = "auto" },
            // Linux tells of a panic through it (docs/specs/pvpanic); what is done about it is the library's affair.
            () => new JsonObject { ["driver"] = "pvpanic-pci" },
        ],
    };

    private static readonly Board Microvm = new()
    {
        Program = "qemu-system-x86_64",
        Machine = "microvm,pcie=off,rtc=on,isa-serial=on",
        VirtioBus = "device",
        SerialPorts = 1,
        Uefi = Ovmf,
        TextMemory = null,
        SignDevices = [],
    };

    /// <summary>The QEMU program that has it.</summary>
    public required string Program { get; init; }

    /// <summary>Its name and options for <c>-machine</c>.</summary>
    public required string Machine { get; init; }

    /// <summary>How its virtio devices' names end.</summary>
    public required string VirtioBus { get; init; }

    /// <summary>How many serial ports it can have, the console among them.</summary>
    public required int SerialPorts { get; init; }

    /// <summary>The UEFI firmware that goes with it, the best first.</summary>
    public required IReadOnlyList<UefiFirmware> Uefi { get; init; }

    /// <summary>Where its display adapter has the characters of a text mode, or <see langword="null"/> where it has no display.</summary>
    public required long? TextMemory { get; init; }

    /// <summary>The devices by which a guest learns that it is a copy, and tells that its kernel panicked.</summary>
    public required IReadOnlyList<Func<JsonObject>> SignDevices { get; init; }

    public bool HasDisplay => TextMemory is not null;

    public bool HasPci => VirtioBus == "pci";

    public static Board Of(MachineSpec spec) => spec.Type == MachineType.Microvm ? Microvm : Q35;

    /// <summary>Makes a virtio device.</summary>
    /// <param name="device">Its name without the bus, such as <c>virtio-blk</c>.</param>
    public JsonObject Virtio(string device) => new() { ["driver"] = $"{device}-{VirtioBus}" };
}
