using System.Globalization;
using System.Text.Json.Nodes;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>
/// QEMU's argument list as a pure function of the spec and the files. JSON wherever QEMU takes it
/// (https://www.qemu.org/docs/master/system/invocation.html), so that a value with a comma or a quote arrives as it is.
/// </summary>
internal static class QemuArguments
{
    /// <summary>The name of the agent's virtio-serial port.</summary>
    public const string AgentPort = "testharness.agent";

    /// <summary>The node of the machine's own UEFI variables.</summary>
    public const string UefiVariables = "variables";

    /// <summary>
    /// For Linux under TCG (kernel-parameters.txt). <c>norandmaps</c>: no random addresses of programs; TCG keeps what it has translated by
    /// virtual address, and would translate every program anew at each of its starts. <c>no_timer_check</c>: no panic ("IO-APIC + timer
    /// doesn't work!") where a busy host lets the timer's first ticks come late; under KVM Linux sets it itself.
    /// </summary>
    private const string KernelUnderTcg = "norandmaps no_timer_check";

    /// <summary>
    /// Linux and the C library copy and clear memory by <c>rep movsb</c> where the processor says that it is fast (ERMS, FSRM: Intel's
    /// manual, CPUID leaf 7). TCG does it byte by byte, and eight bytes at a time otherwise.
    /// </summary>
    private const string WithoutFastStrings = "max,-erms,-fsrm";

    private const string UefiCode = "firmware";

    /// <summary>What QEMU itself may not do.</summary>
    public static IReadOnlyList<string> Sandbox { get; } =
    ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"];

    /// <summary>Builds the list, without the program itself.</summary>
    /// <param name="spec">The machine; validated.</param>
    /// <param name="boot">What it boots from.</param>
    /// <param name="name">The machine's name: letters, digits and dashes.</param>
    /// <param name="accelerator">What was chosen: not <see cref="Accelerator.Auto"/>.</param>
    /// <param name="channels">Who is at the other end of monitor, console and agent port.</param>
    /// <param name="cards">The cards on networks; <see langword="null"/> for those of a template.</param>
    public static IReadOnlyList<string> Build(
        MachineSpec spec,
        BootFiles boot,
        string name,
        Accelerator accelerator,
        MachineChannels channels,
        IReadOnlyList<CardPlug>? cards = null
    )
    {
        Board board = Board.Of(spec);
        List<string> arguments =
        [
            "-nodefaults",
            "-no-user-config",
            "-name",
            $"guest={name}",
            "-machine",
            $"{board.Machine},memory-backend=ram{FirmwareOptions(spec)}",
            .. Processor(accelerator),
            "-smp",
            Number(spec.Cpus),
            "-m",
            $"{Number(spec.MemoryMiB)}M",
            "-display",
            "none",
            .. Sandbox,
            .. spec.Clock is { } clock
                ? (string[])["-rtc", string.Create(CultureInfo.InvariantCulture, $"base={clock.UtcDateTime:yyyy-MM-ddTHH:mm:ss}")]
                : [],
        ];
        var devices = new DeviceArguments(arguments, board);
        AddMemory(arguments, spec, boot.Memory);
        if (boot.Uefi is not null)
            AddUefi(devices, boot.Uefi, boot);
        if (!boot.IsRestored)
            AddKernel(arguments, spec, boot, accelerator);
        else
            // A restored guest has its kernel in memory. It reboots into a new process that is given one.
            arguments.AddRange(["-incoming", "defer", "-action", "reboot=shutdown"]);
        devices.AddChannels(spec, channels);
        if (boot.HasGuestAgentPort)
            devices.AddGuestAgentPort(channels);
        AddDisks(devices, spec, boot);
        devices.AddNetwork(spec, channels);
        foreach ((int index, CardPlug card) in (cards ?? CardPlug.OfTemplate(spec)).Index())
            devices.AddCard(index, card);
        devices.Add(board.Virtio("virtio-rng"));
        foreach (Func<JsonObject> device in board.SignDevices)
            devices.Add(device());
        if (board.SignDevices.Count > 0)
            arguments.AddRange(["-action", "panic=none"]);
        if (HasDisplay(spec))
            devices.AddDisplay();
        if (boot.Seed is not null)
            // After the others, so that their places on the bus are the same with it and without.
            devices.AddSeed();
        foreach ((int index, HostShare share) in spec.Shares.Index())
            devices.AddShare(share, MountTag(index));
        arguments.AddRange(spec.ExtraQemuArguments);
        return arguments;
    }

    /// <summary>What executes the guest's instructions, and the processor that the guest sees.</summary>
    public static IReadOnlyList<string> Processor(Accelerator accelerator) =>
        accelerator == Accelerator.Kvm ? ["-accel", "kvm", "-cpu", "max"] : ["-accel", "tcg", "-cpu", WithoutFastStrings];

    /// <summary>The kernel's whole command line: what the image, the library and the spec say.</summary>
    public static string KernelLine(MachineSpec spec, BootFiles boot, Accelerator accelerator)
    {
        string name = NamesGuest(spec) ? $"hostname={spec.Hostname} systemd.hostname={spec.Hostname}" : "";
        string[] parts =
        [
            boot.KernelArguments,
            accelerator == Accelerator.Tcg ? KernelUnderTcg : "",
            boot.MeasuredArguments(),
            name,
            spec.KernelArguments,
        ];
        return KernelCommandLine.Build(parts, boot.Architecture, HasDisplay(spec) ? spec.Display : Display.None);
    }

    /// <summary>
    /// Tells whether the kernel names the guest: a screen that is compared shows the machine's name from the first prompt on. The others
    /// get it when they are up, so that machines of all names share a template.
    /// </summary>
    public static bool NamesGuest(MachineSpec spec) => spec is { Display: Display.Deterministic, Hostname: not null };

    /// <summary>Tells whether the machine has a display to capture.</summary>
    public static bool HasDisplay(MachineSpec spec) => spec.Display != Display.None && Board.Of(spec).HasDisplay;

    /// <summary>The name by which a guest mounts the share with that number.</summary>
    public static string MountTag(int share) => $"testharness{Number(share)}";

    private static void AddDisks(DeviceArguments devices, MachineSpec spec, BootFiles boot)
    {
        bool isKept = spec.DiskFolder is not null;
        JsonObject first = BlockNodes.Overlay(boot.FileIo, MachineFileNames.Overlay, boot.BackingDisks, boot.LowestFormat);
        devices.AddDisk("disk0", first, isKept, boots: spec.Firmware != Firmware.Kernel);
        for (int i = 0; i < spec.Disks.Count; i++)
        {
            string file = MachineFileNames.ExtraDisk(i);
            devices.AddDisk($"disk{i + 1}", BlockNodes.Overlay(boot.FileIo, file, BlockNodes.OfTemplate(boot, file)), isKept);
        }
    }

    private static void AddMemory(List<string> arguments, MachineSpec spec, MemoryFile? file)
    {
        var memory = new JsonObject
        {
            ["qom-type"] = file is null ? "memory-backend-ram" : "memory-backend-file",
            ["id"] = "ram",
            ["size"] = spec.MemoryMiB * 1024L * 1024L,
        };
        if (file is not null)
            (memory["mem-path"], memory["share"]) = (file.Path, file.Shared);
        arguments.AddRange(["-object", DeviceArguments.Text(memory)]);
    }

    private static void AddKernel(List<string> arguments, MachineSpec spec, BootFiles boot, Accelerator accelerator)
    {
        if (boot.Kernel is null)
            return;
        arguments.AddRange(["-kernel", boot.Kernel]);
        if (boot.Initrd is not null)
            arguments.AddRange(["-initrd", boot.Initrd]);
        arguments.AddRange(["-append", KernelLine(spec, boot, accelerator)]);
    }

    // Without graphics, as it calls it, SeaBIOS shows on the serial console what it and a boot loader write to the screen; the display is
    // there all the same.
    private static string FirmwareOptions(MachineSpec spec) =>
        spec.Firmware switch
        {
            Firmware.Bios => ",graphics=off",
            Firmware.Uefi => $",pflash0={UefiCode},pflash1={UefiVariables}",
            _ => "",
        };

    private static void AddUefi(DeviceArguments devices, UefiFirmware uefi, BootFiles boot)
    {
        JsonObject code = BlockNodes.Image(boot.FileIo, uefi.Code, readOnly: true, DiskFormat.Raw);
        code["node-name"] = UefiCode;
        JsonObject variables = BlockNodes.Overlay(
            boot.FileIo,
            MachineFileNames.UefiVariables,
            BlockNodes.OfTemplate(boot, MachineFileNames.UefiVariables)
        );
        variables["node-name"] = UefiVariables;
        devices.AddBlock(code);
        devices.AddBlock(variables);
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
