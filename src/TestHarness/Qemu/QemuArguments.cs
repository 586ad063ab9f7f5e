using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
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

    // The name of qemu-ga's virtio-serial port (https://www.qemu.org/docs/master/interop/qemu-ga.html).
    private const string GuestAgentPort = "org.qemu.guest_agent.0";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What QEMU itself may not do.</summary>
    public static IReadOnlyList<string> Sandbox { get; } =
    ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"];

    /// <summary>Builds the list, without the program itself.</summary>
    /// <param name="spec">The machine; validated.</param>
    /// <param name="boot">What it boots from.</param>
    /// <param name="name">The machine's name: letters, digits and dashes.</param>
    /// <param name="accelerator">What was chosen: not <see cref="Accelerator.Auto"/>.</param>
    /// <param name="channels">Who is at the other end of monitor, console and agent port.</param>
    public static IReadOnlyList<string> Build(
        MachineSpec spec,
        BootFiles boot,
        string name,
        Accelerator accelerator,
        MachineChannels channels
    )
    {
        List<string> arguments =
        [
            "-nodefaults",
            "-no-user-config",
            "-name",
            $"guest={name}",
            "-machine",
            $"{(spec.Type == MachineType.Microvm ? "microvm,pcie=off,rtc=on,isa-serial=on" : "q35,vmport=off")},memory-backend=ram{FirmwareOptions(spec)}",
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
        AddMemory(arguments, spec, boot.Memory);
        if (boot.Uefi is not null)
            AddUefi(arguments, boot.Uefi, boot);
        if (!boot.IsRestored)
            AddKernel(arguments, spec, boot, accelerator);
        else
            // A restored guest has its kernel in memory. It reboots into a new process that is given one.
            arguments.AddRange(["-incoming", "defer", "-action", "reboot=shutdown"]);
        AddChannels(arguments, spec, channels);
        if (boot.HasGuestAgentPort)
            AddGuestAgentPort(arguments, channels);
        bool isKept = spec.DiskFolder is not null;
        AddDisk(
            arguments,
            spec.Type,
            "disk0",
            BlockNodes.Overlay(boot.FileIo, MachineFileNames.Overlay, boot.BackingDisks, boot.LowestFormat),
            isKept,
            boots: spec.Firmware != Firmware.Kernel
        );
        for (int i = 0; i < spec.Disks.Count; i++)
            AddDisk(
                arguments,
                spec.Type,
                $"disk{i + 1}",
                BlockNodes.Overlay(boot.FileIo, MachineFileNames.ExtraDisk(i), BlockNodes.OfTemplate(boot, MachineFileNames.ExtraDisk(i))),
                isKept
            );
        AddNetwork(arguments, spec, channels);
        AddDevice(arguments, VirtioDevice(spec.Type, "virtio-rng"));
        if (spec.Type != MachineType.Microvm)
        {
            // A new one in each process: tells Linux that it is a copy now (QEMU's docs/specs/vmgenid).
            AddDevice(arguments, new JsonObject { ["driver"] = "vmgenid", ["guid"] = "auto" });
            // Linux tells of a panic through it (docs/specs/pvpanic); what is done about it is the library's affair.
            AddDevice(arguments, new JsonObject { ["driver"] = "pvpanic-pci" });
            arguments.AddRange(["-action", "panic=none"]);
        }

        if (HasDisplay(spec))
        {
            // edid=off keeps the mode at what the guest asks for, so that screens compare.
            AddDevice(
                arguments,
                new JsonObject
                {
                    ["driver"] = "VGA",
                    ["id"] = "display0",
                    ["edid"] = false,
                }
            );
            // A mouse that is where it is told to be; the keyboard is the board's own (PS/2).
            AddDevice(arguments, VirtioDevice(spec.Type, "virtio-tablet"));
            // A viewer's way in, which listens nowhere until it is asked for.
            arguments.AddRange(["-vnc", "none"]);
        }

        if (boot.Seed is not null)
            // After the others, so that their places on the bus are the same with it and without.
            AddSeed(arguments, spec.Type);
        for (int i = 0; i < spec.Shares.Count; i++)
            AddShare(arguments, spec.Type, spec.Shares[i], MountTag(i));
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
    public static bool HasDisplay(MachineSpec spec) => spec.Display != Display.None && spec.Type != MachineType.Microvm;

    /// <summary>The name by which a guest mounts the share with that number.</summary>
    public static string MountTag(int share) => $"testharness{Number(share)}";

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
        arguments.AddRange(["-object", memory.ToJsonString(Json)]);
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

    private static void AddUefi(List<string> arguments, UefiFirmware uefi, BootFiles boot)
    {
        JsonObject code = BlockNodes.Image(boot.FileIo, uefi.Code, readOnly: true, DiskFormat.Raw);
        code["node-name"] = UefiCode;
        JsonObject variables = BlockNodes.Overlay(
            boot.FileIo,
            MachineFileNames.UefiVariables,
            BlockNodes.OfTemplate(boot, MachineFileNames.UefiVariables)
        );
        variables["node-name"] = UefiVariables;
        arguments.AddRange(["-blockdev", code.ToJsonString(Json), "-blockdev", variables.ToJsonString(Json)]);
    }

    private static void AddChannels(List<string> arguments, MachineSpec spec, MachineChannels channels)
    {
        if (channels == MachineChannels.Library)
        {
            // QEMU is the client: our sockets listen before it starts, so nobody polls. -S until the console has a reader.
            arguments.AddRange([
                "-S",
                "-chardev",
                $"socket,id=monitor,path={MachineFileNames.MonitorSocket}",
                "-mon",
                "chardev=monitor,mode=control",
                "-chardev",
                $"pipe,id=serial0,path={MachineFileNames.SerialPipe(0)}",
                "-chardev",
                $"socket,id=agent,path={MachineFileNames.AgentSocket}",
            ]);
        }
        else
        {
            arguments.AddRange([
                "-chardev",
                "stdio,id=serial0,mux=on,signal=off",
                "-mon",
                "chardev=serial0,mode=readline",
                "-chardev",
                "null,id=agent",
            ]);
        }

        arguments.AddRange(["-serial", "chardev:serial0"]);
        for (int i = 1; i <= spec.SerialPorts.Count; i++)
        {
            string end =
                channels == MachineChannels.Library
                    ? $"pipe,id=serial{Number(i)},path={MachineFileNames.SerialPipe(i)}"
                    : $"null,id=serial{Number(i)}";
            arguments.AddRange(["-chardev", end, "-serial", $"chardev:serial{Number(i)}"]);
        }

        AddDevice(arguments, VirtioDevice(spec.Type, "virtio-serial"));
        AddDevice(
            arguments,
            new JsonObject
            {
                ["driver"] = "virtserialport",
                ["chardev"] = "agent",
                ["name"] = AgentPort,
            }
        );
    }

    private static void AddGuestAgentPort(List<string> arguments, MachineChannels channels)
    {
        string channel = channels == MachineChannels.Library ? $"socket,id=qga,path={MachineFileNames.GuestAgentSocket}" : "null,id=qga";
        arguments.AddRange(["-chardev", channel]);
        AddDevice(
            arguments,
            new JsonObject
            {
                ["driver"] = "virtserialport",
                ["chardev"] = "qga",
                ["name"] = GuestAgentPort,
            }
        );
    }

    private static void AddDisk(List<string> arguments, MachineType type, string node, JsonObject image, bool isKept, bool boots = false)
    {
        image["node-name"] = node;
        // Where the overlay goes with the machine, there is nothing that a flush to the host's disk would save.
        image["cache"] = new JsonObject { ["no-flush"] = !isKept };
        image["discard"] = "unmap";
        arguments.AddRange(["-blockdev", image.ToJsonString(Json)]);
        JsonObject device = Disk(type, node);
        if (boots)
            // The only one that the firmware tries.
            device["bootindex"] = 0;
        AddDevice(arguments, device);
    }

    private static void AddSeed(List<string> arguments, MachineType type)
    {
        JsonObject image = BlockNodes.Image(FileIo.Threads, MachineFileNames.Seed, readOnly: true, DiskFormat.Raw);
        image["node-name"] = "seed";
        arguments.AddRange(["-blockdev", image.ToJsonString(Json)]);
        AddDevice(arguments, Disk(type, "seed"));
    }

    // QEMU takes no JSON here; two commas stand for one. It reads as its own user, and opens nothing by a symbolic link.
    private static void AddShare(List<string> arguments, MachineType type, HostShare share, string tag)
    {
        string path = share.HostPath.Replace(",", ",,", StringComparison.Ordinal);
        arguments.AddRange(["-fsdev", $"local,id={tag},path={path},security_model=none,readonly=on,multidevs=remap"]);
        JsonObject device = VirtioDevice(type, "virtio-9p");
        device["fsdev"] = tag;
        device["mount_tag"] = tag;
        AddDevice(arguments, device);
    }

    private static void AddNetwork(List<string> arguments, MachineSpec spec, MachineChannels channels)
    {
        if (spec.Network == NetworkMode.None)
            return;
        var network = new JsonObject
        {
            ["type"] = "user",
            ["id"] = "net0",
            ["restrict"] = spec.Network != NetworkMode.Internet,
        };
        // The library adds forwards to the running machine, for a restored one had none when it was saved.
        if (channels == MachineChannels.Terminal)
            network["hostfwd"] = new JsonArray([
                .. spec.PortForwards.Select(forward => new JsonObject { ["str"] = ForwardRule.Of(forward) }),
            ]);
        arguments.AddRange(["-netdev", network.ToJsonString(Json)]);
        JsonObject card = VirtioDevice(spec.Type, "virtio-net");
        card["netdev"] = "net0";
        if (spec.Type != MachineType.Microvm)
            // No boot ROM: nothing boots from this network, and loading it costs time.
            card["romfile"] = "";
        AddDevice(arguments, card);
    }

    // An error of the host's files stops the machine: it is none of the guest's disk, and the guest never sees it.
    private static JsonObject Disk(MachineType type, string node)
    {
        JsonObject device = VirtioDevice(type, "virtio-blk");
        (device["drive"], device["rerror"], device["werror"]) = (node, "stop", "stop");
        return device;
    }

    private static JsonObject VirtioDevice(MachineType type, string device) =>
        new() { ["driver"] = type == MachineType.Microvm ? $"{device}-device" : $"{device}-pci" };

    private static void AddDevice(List<string> arguments, JsonObject device) => arguments.AddRange(["-device", device.ToJsonString(Json)]);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
