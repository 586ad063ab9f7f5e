namespace TestHarness.Tool.Machines;

/// <summary>What a named machine is, as <c>machine.json</c> keeps it.</summary>
internal sealed record MachineSettings
{
    public required string Image { get; init; }

    /// <summary>Gets the format of a disk whose name does not tell it.</summary>
    public DiskFormat? ImageFormat { get; init; }

    public int Cpus { get; init; } = 1;

    public int MemoryMiB { get; init; } = 512;

    public IReadOnlyList<int> DisksMiB { get; init; } = [];

    public IReadOnlyList<MachineForward> Forwards { get; init; } = [];

    /// <summary>Gets cloud-init's user-data, not the file that it came from.</summary>
    public string? UserData { get; init; }

    public string? Kernel { get; init; }

    public string? Initrd { get; init; }

    public string Append { get; init; } = "";

    public NetworkMode Network { get; init; } = NetworkMode.Isolated;

    public Firmware Firmware { get; init; }

    public required DateTimeOffset Created { get; init; }

    public MachineSpec ToSpec(string name, string diskFolder) => new()
    {
        Image = Image,
        ImageFormat = ImageFormat,
        Hostname = name,
        Cpus = Cpus,
        MemoryMiB = MemoryMiB,
        Disks = [.. DisksMiB.Select(size => new Disk(size))],
        PortForwards = [.. Forwards.Select(forward => new PortForward(forward.Guest) { HostPort = forward.Host, Protocol = forward.Protocol })],
        CloudInit = UserData is null ? null : new CloudInit { UserData = UserData },
        Kernel = Kernel,
        Initrd = Initrd,
        KernelArguments = Append,
        Network = Network,
        Firmware = Firmware,
        DiskFolder = diskFolder,
    };
}

/// <summary>A port of 127.0.0.1 that leads into the guest; host port 0 is any.</summary>
internal sealed record MachineForward(int Host, int Guest, ForwardProtocol Protocol);
