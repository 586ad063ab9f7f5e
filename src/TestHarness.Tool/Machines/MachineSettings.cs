using TestHarness.Specs;

namespace TestHarness.Tool.Machines;

/// <summary>
/// What a named machine is, as <c>machine.json</c> keeps it. Not init, for what a file does not say has its default only where the
/// generated reader can leave it alone.
/// </summary>
internal sealed record MachineSettings
{
    public required string Image { get; init; }

    /// <summary>Gets the format of a disk whose name does not tell it.</summary>
    public DiskFormat? ImageFormat { get; set; }

    public int Cpus { get; set; } = 1;

    public int MemoryMiB { get; set; } = 512;

    public IReadOnlyList<int> DisksMiB { get; set; } = [];

    public IReadOnlyList<MachineForward> Forwards { get; set; } = [];

    /// <summary>Gets cloud-init's user-data, not the file that it came from.</summary>
    public string? UserData { get; set; }

    public string? Kernel { get; set; }

    public string? Initrd { get; set; }

    public string Append { get; set; } = "";

    public NetworkMode Network { get; set; } = NetworkMode.Isolated;

    public Firmware Firmware { get; set; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Gets all that a definition file says of the machine, as one in JSON; the other members but repeat it for lists.</summary>
    public string? Definition { get; set; }

    /// <summary>Describes a machine of a definition file.</summary>
    public static MachineSettings Of(string name, MachineSpec spec, DateTimeOffset created) =>
        new()
        {
            Image = spec.Image,
            Cpus = spec.Cpus,
            MemoryMiB = spec.MemoryMiB,
            Forwards = [.. spec.PortForwards.Select(forward => new MachineForward(forward.HostPort, forward.GuestPort, forward.Protocol))],
            Created = created,
            Definition = DefinitionFile.WriteText(new Dictionary<string, MachineSpec> { [name] = spec }, isJson: true),
        };

    public MachineSpec ToSpec(string name, string diskFolder)
    {
        MachineSpec spec = Definition is null
            ? FromOptions()
            : DefinitionFile.Parse(Definition, isJson: true, $"machine.json of {name}", "/").Values.First();
        return spec with { Hostname = spec.Hostname ?? name, DiskFolder = diskFolder, Spares = 0 };
    }

    private MachineSpec FromOptions() =>
        new()
        {
            Image = Image,
            ImageFormat = ImageFormat,
            Cpus = Cpus,
            MemoryMiB = MemoryMiB,
            Disks = [.. DisksMiB.Select(size => new Disk(size))],
            PortForwards =
            [
                .. Forwards.Select(forward => new PortForward(forward.Guest) { HostPort = forward.Host, Protocol = forward.Protocol }),
            ],
            CloudInit = UserData is null ? null : new CloudInit { UserData = UserData },
            Kernel = Kernel,
            Initrd = Initrd,
            KernelArguments = Append,
            Network = Network,
            Firmware = Firmware,
        };
}

/// <summary>A port of 127.0.0.1 that leads into the guest; host port 0 is any.</summary>
internal sealed record MachineForward(int Host, int Guest, ForwardProtocol Protocol);
