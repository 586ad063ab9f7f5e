using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TestHarness.Qemu;

/// <summary>
/// QEMU's argument list as a pure function of the spec and the files. JSON wherever QEMU takes it
/// (https://www.qemu.org/docs/master/system/invocation.html), so that a value with a comma or a quote arrives as it is.
/// </summary>
internal static class QemuArguments
{
    /// <summary>The name of the agent's virtio-serial port.</summary>
    public const string AgentPort = "testharness.agent";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Builds the list, without the program itself.</summary>
    /// <param name="spec">The machine; validated.</param>
    /// <param name="boot">What it boots from.</param>
    /// <param name="name">The machine's name: letters, digits and dashes.</param>
    /// <param name="accelerator">What was chosen: not <see cref="Accelerator.Auto"/>.</param>
    /// <param name="channels">Who is at the other end of monitor, console and agent port.</param>
    public static IReadOnlyList<string> Build(
        MachineSpec spec, BootFiles boot, string name, Accelerator accelerator, MachineChannels channels)
    {
        var arguments = new List<string>
        {
            "-nodefaults", "-no-user-config",
            "-name", $"guest={name}",
            "-machine", spec.Type == MachineType.Microvm ? "microvm,pcie=off,rtc=on,isa-serial=on" : "q35,vmport=off",
            "-accel", accelerator == Accelerator.Kvm ? "kvm" : "tcg",
            "-cpu", "max",
            "-smp", Number(spec.Cpus),
            "-m", $"{Number(spec.MemoryMiB)}M",
            "-display", "none",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        };
        AddKernel(arguments, spec, boot);
        AddChannels(arguments, spec.Type, channels);
        AddDisk(arguments, spec.Type, "disk0", OverlayOn(boot.BaseDisk));
        for (int i = 0; i < spec.Disks.Count; i++)
            AddDisk(arguments, spec.Type, $"disk{i + 1}", Image(MachineFileNames.ExtraDisk(i), readOnly: false));
        AddNetwork(arguments, spec);
        AddDevice(arguments, VirtioDevice(spec.Type, "virtio-rng"));
        if (HasDisplay(spec))
            // edid=off keeps the mode at what the guest asks for, so that screens compare.
            AddDevice(arguments, new JsonObject { ["driver"] = "VGA", ["id"] = "display0", ["edid"] = false });
        arguments.AddRange(spec.ExtraQemuArguments);
        return arguments;
    }

    /// <summary>Tells whether the machine has a display to capture.</summary>
    public static bool HasDisplay(MachineSpec spec) => spec.Display != Display.None && spec.Type != MachineType.Microvm;

    private static void AddKernel(List<string> arguments, MachineSpec spec, BootFiles boot) => arguments.AddRange(
    [
        "-kernel", boot.Kernel,
        "-initrd", boot.Initrd,
        "-append", KernelCommandLine.Build([boot.KernelArguments, spec.KernelArguments], boot.Architecture, HasDisplay(spec)),
    ]);

    private static void AddChannels(List<string> arguments, MachineType type, MachineChannels channels)
    {
        if (channels == MachineChannels.Library)
        {
            // QEMU is the client: our sockets listen before it starts, so nobody polls. -S until the console has a reader.
            arguments.AddRange(
            [
                "-S",
                "-chardev", $"socket,id=monitor,path={MachineFileNames.MonitorSocket}", "-mon", "chardev=monitor,mode=control",
                "-chardev", $"pipe,id=serial0,path={MachineFileNames.SerialPipe}",
                "-chardev", $"socket,id=agent,path={MachineFileNames.AgentSocket}",
            ]);
        }
        else
        {
            arguments.AddRange(
            [
                "-chardev", "stdio,id=serial0,mux=on,signal=off", "-mon", "chardev=serial0,mode=readline",
                "-chardev", "null,id=agent",
            ]);
        }

        arguments.AddRange(["-serial", "chardev:serial0"]);
        AddDevice(arguments, VirtioDevice(type, "virtio-serial"));
        AddDevice(arguments, new JsonObject { ["driver"] = "virtserialport", ["chardev"] = "agent", ["name"] = AgentPort });
    }

    private static void AddDisk(List<string> arguments, MachineType type, string node, JsonObject image)
    {
        image["node-name"] = node;
        // The overlay goes with the machine, so there is nothing that a flush to the host's disk would save.
        image["cache"] = new JsonObject { ["no-flush"] = true };
        image["discard"] = "unmap";
        arguments.AddRange(["-blockdev", image.ToJsonString(Json)]);
        JsonObject device = VirtioDevice(type, "virtio-blk");
        device["drive"] = node;
        AddDevice(arguments, device);
    }

    private static JsonObject OverlayOn(string baseDisk)
    {
        JsonObject overlay = Image(MachineFileNames.Overlay, readOnly: false);
        // Named here, so that the backing file in the overlay's header is not what QEMU goes by.
        overlay["backing"] = Image(baseDisk, readOnly: true);
        return overlay;
    }

    private static JsonObject Image(string path, bool readOnly) => new()
    {
        ["driver"] = "qcow2",
        ["read-only"] = readOnly,
        ["file"] = new JsonObject { ["driver"] = "file", ["filename"] = path, ["read-only"] = readOnly },
    };

    private static void AddNetwork(List<string> arguments, MachineSpec spec)
    {
        if (spec.Network == NetworkMode.None)
            return;
        var forwards = new JsonArray();
        foreach (PortForward forward in spec.PortForwards)
        {
            string protocol = forward.Protocol == ForwardProtocol.Udp ? "udp" : "tcp";
            forwards.Add(new JsonObject { ["str"] = $"{protocol}:127.0.0.1:{Number(forward.HostPort)}-:{Number(forward.GuestPort)}" });
        }

        arguments.AddRange(
        [
            "-netdev",
            new JsonObject { ["type"] = "user", ["id"] = "net0", ["restrict"] = true, ["hostfwd"] = forwards }.ToJsonString(Json),
        ]);
        JsonObject card = VirtioDevice(spec.Type, "virtio-net");
        card["netdev"] = "net0";
        if (spec.Type != MachineType.Microvm)
            // No boot ROM: nothing boots from this network, and loading it costs time.
            card["romfile"] = "";
        AddDevice(arguments, card);
    }

    private static JsonObject VirtioDevice(MachineType type, string device) =>
        new() { ["driver"] = type == MachineType.Microvm ? $"{device}-device" : $"{device}-pci" };

    private static void AddDevice(List<string> arguments, JsonObject device) =>
        arguments.AddRange(["-device", device.ToJsonString(Json)]);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
