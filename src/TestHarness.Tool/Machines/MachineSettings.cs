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

    public MachineSpec ToSpec(string name, string diskFolder) =>
        new()
        {
            Image = Image,
            ImageFormat = ImageFormat,
            Hostname = name,
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
            DiskFolder = diskFolder,
        };
}

/// <summary>A port of 127.0.0.1 that leads into the guest; host port 0 is any.</summary>
internal sealed record MachineForward(int Host, int Guest, ForwardProtocol Protocol);
