using TestHarness.Specs;

namespace TestHarness;

/// <summary>Describes a machine: image, size, devices and how it starts. Vary one with <c>with</c>.</summary>
public sealed record MachineSpec
{
    /// <summary>How many disks a machine may have beside its image's.</summary>
    internal const int MaxDisks = 20;

    /// <summary>How many cards a machine may have on networks.</summary>
    internal const int MaxCards = 8;

    private readonly NetworkMode? _network;

    /// <summary>
    /// Gets the image: the name of a recipe that the library brings (<c>tiny</c>, <c>debian-12</c>, <c>debian-12-cloud</c>), or the path of
    /// a folder with a <c>recipe.json</c> (anything with a <c>/</c> in it). An image that is not built yet is built. Or a disk of your own,
    /// which is never written: a path that ends with <c>.qcow2</c>, <c>.raw</c> or <c>.img</c> (any, where <see cref="ImageFormat"/> is
    /// set), or an address <c>https://…</c>, <c>http://127.0.0.1…</c> or <c>file:///…</c> with its <see cref="ImageSha256"/>. A
    /// relative path begins at the current directory, which under <c>dotnet test</c> is the test program's folder; what is not there is
    /// looked for beside the project's file. So are <see cref="Kernel"/> and <see cref="Initrd"/>. Default: <c>tiny</c>.
    /// </summary>
    [HostPath(OrName = true)]
    public string Image { get; init; } = "tiny";

    /// <summary>
    /// Gets the format of a disk of your own. Default: <see langword="null"/>, what its ending says: <c>.qcow2</c> or <c>.raw</c>.
    /// </summary>
    public DiskFormat? ImageFormat { get; init; }

    /// <summary>
    /// Gets the SHA-256 of an image that is fetched, in hexadecimal. Required for an address, and for nothing else. Default:
    /// <see langword="null"/>.
    /// </summary>
    public string? ImageSha256 { get; init; }

    /// <summary>Gets what boots a disk of your own; nothing is tried in turn. Default: <see cref="Firmware.Kernel"/>.</summary>
    public Firmware Firmware { get; init; } = Firmware.Kernel;

    /// <summary>
    /// Gets the path of the kernel for a disk of your own. Default: <see langword="null"/>, the file <c>vmlinux</c> or <c>vmlinuz</c>
    /// beside the disk. Its arguments are <see cref="KernelArguments"/> alone.
    /// </summary>
    [HostPath]
    public string? Kernel { get; init; }

    /// <summary>
    /// Gets the path of the initial RAM disk for a disk of your own. Default: <see langword="null"/>, the file <c>initrd</c> or
    /// <c>initrd.img</c> beside the disk if there is one and <see cref="Kernel"/> is not set, else none.
    /// </summary>
    [HostPath]
    public string? Initrd { get; init; }

    /// <summary>Gets the number of virtual CPUs, 1 to 255. Default: 1.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>
    /// Gets the memory in MiB (2^20 bytes), at least 64. A recipe's <c>minimumMemoryMiB</c> says what its image needs; a start with less is
    /// refused. Default: 512.
    /// </summary>
    public int MemoryMiB { get; init; } = 512;

    /// <summary>
    /// Gets the guest's host name (letters, digits, <c>-</c> and <c>.</c>; at most 64), which is confirmed before
    /// <see cref="VirtualMachine.StartAsync(MachineSpec, IProgress{StartProgress}, CancellationToken)"/> returns.
    /// Default: <see langword="null"/>, the machine's name.
    /// </summary>
    public string? Hostname { get; init; }

    /// <summary>
    /// Gets arguments for the guest's kernel, added to those of the image; all together have at most 2,047 bytes. A later <c>root=</c> or
    /// <c>init=</c> replaces an earlier one; a whole boot entry's command line may be given (<c>BOOT_IMAGE=</c> and <c>initrd=</c> are
    /// dropped). Default: none. See https://docs.kernel.org/admin-guide/kernel-parameters.html. Under TCG the library itself adds
    /// <c>norandmaps</c>, with which programs start three times as fast, and, against what a busy host does to emulated timers,
    /// <c>no_timer_check</c>, without which the kernel can panic, and <c>tsc_early_khz</c> with the rate of the clock, which the kernel
    /// would measure wrong now and then; <c>sysctl.kernel.randomize_va_space=2</c> brings random addresses back.
    /// </summary>
    public string KernelArguments { get; init; } = "";

    /// <summary>
    /// Gets the TCP or UDP ports of the guest that are reachable on the host's 127.0.0.1. Default: none.
    /// <see cref="VirtualMachine.GetForwardedEndPoint"/> tells the port on the host.
    /// </summary>
    public IReadOnlyList<PortForward> PortForwards { get; init; } = [];

    /// <summary>Gets the TCP and UDP services of the host that the guest reaches on its own 127.0.0.1. Default: none.</summary>
    public IReadOnlyList<GuestReach> GuestReaches { get; init; } = [];

    /// <summary>
    /// Gets what the guest's own network reaches, by its first card. Default: <see cref="NetworkMode.Isolated"/>, but
    /// <see cref="NetworkMode.None"/> where the machine has <see cref="Networks"/> or <see cref="Cards"/>.
    /// </summary>
    public NetworkMode Network
    {
        get => _network ?? (CardsOnNetworks.Count > 0 ? NetworkMode.None : NetworkMode.Isolated);
        init => _network = value;
    }

    /// <summary>
    /// Gets the names of networks that the machine has a card on, short for <see cref="Cards"/> with nothing but the names. In a
    /// <see cref="Cluster"/> its machines meet there. A machine by itself has the cards, and nobody else is on its networks. Default: none.
    /// </summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Gets the cards on networks, which come behind those of <see cref="Networks"/>. Default: none.</summary>
    public IReadOnlyList<Card> Cards { get; init; } = [];

    /// <summary>Gets further empty disks, <c>/dev/vdb</c> onwards, which are thrown away with the machine. Default: none.</summary>
    public IReadOnlyList<Disk> Disks { get; init; } = [];

    /// <summary>
    /// Gets folders of the host that the guest reads. Such a machine boots, since QEMU saves none with a mounted share, and has no
    /// checkpoints. The guest's kernel needs 9p over virtio. Default: none.
    /// </summary>
    public IReadOnlyList<HostShare> Shares { get; init; } = [];

    /// <summary>
    /// Gets the names of serial ports beside the console, at most 3: <c>/dev/ttyS1</c> onwards in this order
    /// (<see cref="VirtualMachine.GetSerialPort"/>). Default: none.
    /// </summary>
    public IReadOnlyList<string> SerialPorts { get; init; } = [];

    /// <summary>
    /// Gets what cloud-init does in the guest at its first boot; the image needs cloud-init. Default: <see langword="null"/>, nothing.
    /// </summary>
    public CloudInit? CloudInit { get; init; }

    /// <summary>
    /// Gets the steps that set the machine up once its guest is up, before a start returns. What each leaves is kept as a layer, which the
    /// next step and all later machines go on from, so that it runs once until it or one before it changes. A machine that boots each time
    /// (<see cref="Start"/>, <see cref="Shares"/>, <see cref="DiskFolder"/>) runs them each time. Default: none.
    /// </summary>
    public IReadOnlyList<SetupStep> Setup { get; init; } = [];

    /// <summary>Gets how the library gets into the guest. Default: <see cref="GuestAccess.Auto"/>.</summary>
    public GuestAccess GuestAccess { get; init; } = GuestAccess.Auto;

    /// <summary>
    /// Gets how the guest is reached over SSH; for <see cref="GuestAccess.Ssh"/> and, where it is given, <see cref="GuestAccess.Auto"/>.
    /// Default: <see langword="null"/>, as <c>root</c> with a key that the library makes.
    /// </summary>
    public SshAccess? Ssh { get; init; }

    /// <summary>Gets the display. Default: <see cref="Display.Standard"/>, but none on <see cref="MachineType.Microvm"/>.</summary>
    public Display Display { get; init; } = Display.Standard;

    /// <summary>
    /// Gets what the guest's clock says when a start returns, whatever the host's says; it goes on from there, and begins again with it
    /// after a reboot or rollback. Whole seconds, from the second day of 1970 to 2099. Default: <see langword="null"/>, the host's time.
    /// </summary>
    public DateTimeOffset? Clock { get; init; }

    /// <summary>Gets QEMU's machine type. Default: <see cref="MachineType.Q35"/>.</summary>
    public MachineType Type { get; init; } = MachineType.Q35;

    /// <summary>Gets what executes the guest's instructions. Default: <see cref="Accelerator.Auto"/>.</summary>
    public Accelerator Accelerator { get; init; } = Accelerator.Auto;

    /// <summary>Gets how the machine starts. Default: <see cref="StartMode.Warm"/>.</summary>
    public StartMode Start { get; init; } = StartMode.Warm;

    /// <summary>
    /// Gets how many machines like this one are kept ready in the background (restored, warmed and paused), so that asking for the next
    /// takes milliseconds: 0 to 32. They serve
    /// <see cref="VirtualMachine.StartAsync(MachineSpec, IProgress{StartProgress}, CancellationToken)"/>, take their share of the host's
    /// memory while they wait, and have run warm-up commands (<c>uname</c> and <c>true</c>). Default: 0.
    /// </summary>
    public int Spares { get; init; }

    /// <summary>
    /// Gets a value indicating whether the machine has a file with its memory of its own from the start, a copy of the template's:
    /// while it is forked or saved it then stands still for some 0.2 s instead of 0.8, and it starts some 0.05 s later. Its memory
    /// counts whole in the host's budget. Default: <see langword="false"/>.
    /// </summary>
    public bool Forkable { get; init; }

    /// <summary>
    /// Gets the QEMU program: a path, or a name that is looked up on the PATH. Default: <see langword="null"/>, the one for the image's
    /// architecture.
    /// </summary>
    [HostPath(OrName = true)]
    public string? QemuPath { get; init; }

    /// <summary>
    /// Gets a folder in which the machine's disks are kept when it ends: the first start makes them, each next one goes on from them, for
    /// one machine at a time. Such a machine boots. The folder is the caller's, who deletes it; before the first start it is empty, or not
    /// there. Default: <see langword="null"/>, the disks go with the machine.
    /// </summary>
    [HostPath]
    public string? DiskFolder { get; init; }

    /// <summary>
    /// Gets arguments added at the end of QEMU's command line, one argument an element, passed on literally. Default: none.
    /// </summary>
    public IReadOnlyList<string> ExtraQemuArguments { get; init; } = [];

    /// <summary>
    /// Gets the limit for a start, counted from the moment the image is there. Default: <see langword="null"/>, 3 minutes, longer on a slow
    /// host; they begin anew with each restart that user-data makes.
    /// </summary>
    public TimeSpan? StartTimeout { get; init; }

    /// <summary>
    /// Gets how often a start is tried again, from new overlays, where QEMU itself crashed, or was ended by a signal before the guest wrote
    /// anything; neither is a fault of the guest's: 0 to 10. QEMU 7.2 with TCG and two or more processors crashes rarely, in the boot, when
    /// one processor uses a device while another sizes the PCI devices. <see cref="VirtualMachine.FailedStarts"/> tells. Default: 1.
    /// </summary>
    public int StartRetries { get; init; } = 1;

    /// <summary>
    /// Gets how long a booting guest may stand still (nothing new on serial console and screen, and an idle processor) before the start
    /// fails. Default: <see langword="null"/>, 30 seconds, longer on a slow host.
    /// </summary>
    public TimeSpan? NoProgressTimeout { get; init; }

    /// <summary>
    /// Gets the limit for an orderly shutdown, after which the machine is killed. Default: <see langword="null"/>, 1 minute, longer on a
    /// slow host.
    /// </summary>
    public TimeSpan? StopTimeout { get; init; }

    /// <summary>
    /// Gets texts that no message and no file of evidence may show; <c>***</c> stands in their place. Pictures of the screen and files that
    /// are collected from the guest are not searched. Default: none.
    /// </summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>
    /// Gets which files of the guest belong to a failed test's evidence: absolute paths with <c>*</c>, <c>?</c> and <c>[…]</c>, such as
    /// <c>/var/crash/*</c> or <c>/tmp/*.gcov</c>; of a folder everything in it. At most 200 files, 64 MiB each, 256 MiB and 30 s together,
    /// longer where the accelerator is slow. Default: none.
    /// </summary>
    public IReadOnlyList<string> CollectOnFailure { get; init; } = [];

    /// <summary>The cards that the machine has on networks, in the guest's order.</summary>
    // Of a machine that goes on from this one beside it.
    internal IReadOnlyList<Card> CardsOfHeir => [.. CardsOnNetworks.Select(card => new Card(card.Network) { Mtu = card.Mtu })];

    internal IReadOnlyList<Card> CardsOnNetworks => [.. (Networks ?? []).Select(network => new Card(network)), .. Cards ?? []];

    /// <summary>
    /// Reads the machines of a definition file, YAML or JSON by its ending, under their names. A relative path in it begins at the file's
    /// folder. <c>docs/definitions.md</c> says what such a file is like.
    /// </summary>
    /// <param name="path">The file, with the ending <c>.yaml</c>, <c>.yml</c> or <c>.json</c>; at most 1 MiB.</param>
    /// <returns>The machines, at least one.</returns>
    /// <exception cref="ArgumentException">The file has mistakes; all are named, with their lines.</exception>
    /// <exception cref="IOException">It is not there, or can't be read.</exception>
    public static IReadOnlyDictionary<string, MachineSpec> LoadAll(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return DefinitionFile.Read(path);
    }

    /// <summary>Reads a machine of a definition file, as <see cref="LoadAll"/> does.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">The machine's name in it. Default: <see langword="null"/>, the only one.</param>
    /// <returns>The machine.</returns>
    /// <exception cref="ArgumentException">The file has mistakes, no machine of that name, or several where none is named.</exception>
    /// <exception cref="IOException">It is not there, or can't be read.</exception>
    public static MachineSpec Load(string path, string? name = null)
    {
        IReadOnlyDictionary<string, MachineSpec> machines = LoadAll(path);
        MachineSpec? found =
            name is not null ? machines.GetValueOrDefault(name)
            : machines.Count == 1 ? machines.Values.First()
            : null;
        return found
            ?? throw new ArgumentException(
                $"The definition file '{path}' has {(name is null ? "several machines: name one" : $"no machine \"{name}\"")}. There are: "
                    + $"{string.Join(", ", machines.Keys)}.",
                nameof(name)
            );
    }

    /// <summary>
    /// Writes the machine to a definition file, YAML or JSON by its ending, in place of one that is there. What is as by default is left
    /// out, and paths are absolute. A file with <see cref="Secrets"/> is its owner's alone to read.
    /// </summary>
    /// <param name="path">The file, with the ending <c>.yaml</c>, <c>.yml</c> or <c>.json</c>.</param>
    /// <param name="name">The machine's name in it: letters, digits, dashes and dots. Default:
    /// <see langword="null"/>, its <see cref="Hostname"/>, or else <c>machine</c>.</param>
    /// <exception cref="InvalidOperationException">Its set-up runs code of a program's (<c>SetupStep.Do</c>).</exception>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Save(string path, string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        DefinitionFile.Write(path, new Dictionary<string, MachineSpec> { [name ?? Hostname ?? "machine"] = this });
    }
}
