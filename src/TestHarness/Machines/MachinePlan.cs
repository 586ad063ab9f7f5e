using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Networks;
using TestHarness.Qemu;
using TestHarness.Seeds;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>
/// All that is decided before there is anything of a machine on the host: by what it runs, and from what. Two plans with the same words
/// make the same machine.
/// </summary>
internal sealed record MachinePlan
{
    private static readonly string[] NeededPrograms = ["setpriv", "setsid", "qemu-img", "rsync", "socat"];

    private static readonly string[] SshPrograms = [SshArguments.Program, "ssh-keygen"];

    public required MachineSpec Spec { get; init; }

    /// <summary>The QEMU program.</summary>
    public required string Program { get; init; }

    public required AcceleratorChoice Choice { get; init; }

    public required GuestImage Image { get; init; }

    public required BootFiles Boot { get; init; }

    /// <summary>The cards on networks.</summary>
    public required IReadOnlyList<CardPlug> Cards { get; init; }

    /// <summary>The steps of the set-up: the image's own, and then the machine's.</summary>
    public IReadOnlyList<SetupStep> Setup => [.. Image.Setup, .. Spec.Setup];

    public Accelerator Accelerator => Choice.Accelerator;

    public bool UsesSsh => Takes(Spec, Image, GuestAccess.Ssh);

    /// <summary>Finds all that a start needs; builds or fetches the image where it is not there, and starts nothing.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="given">What it starts from where that is given, or <see langword="null"/>.</param>
    /// <param name="wiring">Where its cards lead, or <see langword="null"/> where it is made a template of.</param>
    /// <param name="progress">Told what was chosen, and what an image's build does.</param>
    /// <param name="cancellationToken">Ends the wait for an image.</param>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="ArgumentException">The spec does not go with the image.</exception>
    public static async Task<MachinePlan> MakeAsync(
        MachineSpec spec,
        GivenStart? given,
        Wiring? wiring,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        string qemu = spec.QemuPath ?? Board.Of(spec).Program;
        Prerequisites.Require([
            .. NeededPrograms,
            qemu,
            .. spec.GuestAccess == GuestAccess.Ssh ? SshPrograms : [],
            .. SeedDisk.ProgramsFor(spec),
        ]);
        foreach (HostShare share in spec.Shares)
            ShareFolder.Require(share.HostPath);
        if (spec.DiskFolder is { } disks)
            QemuReach.RequireWayTo(Path.GetFullPath(disks), "MachineSpec.DiskFolder; for testvm TESTHARNESS_DATA");
        UefiFirmware? uefi = UefiFirmware.For(spec);
        string program = Prerequisites.Find(qemu);
        AcceleratorChoice choice;
        FileIo fileIo;
        // Before an image is built for a machine that this host can't run.
        using (Spans.Start("accelerator"))
        {
            var host = new AcceleratorHost(program);
            choice = await AcceleratorChoice.ChooseAsync(spec.Accelerator, host, cancellationToken).ConfigureAwait(false);
            fileIo = await FileIo.ChooseAsync(host, choice, cancellationToken).ConfigureAwait(false);
        }

        GuestImage image;
        using (Spans.Start("image"))
            image = given?.Image ?? await ImageStore.GetAsync(spec, progress, cancellationToken).ConfigureAwait(false);
        BootFiles boot = Describe(spec, image, choice.Accelerator) with { Uefi = uefi, Memory = given?.Memory, FileIo = fileIo };
        SpecValidation.Check(spec, image, boot, choice.Accelerator);
        foreach (string file in (string[])[program, .. image.Files])
            QemuReach.RequireReadable(file);
        progress.Tell($"accelerator: {choice.Reason}");
        if (fileIo.Obstacle is { } obstacle)
            progress.Tell($"disks: by threads, because io_uring can't be used: {obstacle}");
        return new MachinePlan
        {
            Spec = spec,
            Program = program,
            Choice = choice,
            Image = image,
            Boot = boot,
            Cards = wiring?.Plugs ?? CardPlug.OfTemplate(spec),
        };
    }

    /// <summary>The plan of a machine that goes on from a template.</summary>
    public MachinePlan On(Template template) =>
        this with
        {
            Boot = Boot with
            {
                BackingDisks = [.. template.Folders.Select(folder => Path.Combine(folder, MachineFileNames.Overlay)), .. Boot.BackingDisks],
                // One that a layer is made of has a copy of its own.
                Memory = Boot.Memory ?? new MemoryFile(template.Memory, Shared: false),
                Templates = template.Folders,
            },
        };

    /// <summary>The plan of a QEMU that takes a running machine, and never runs it.</summary>
    /// <param name="memory">Where its memory is put.</param>
    public MachinePlan ToReceive(MemoryFile memory) =>
        this with
        {
            Boot = Boot with { Memory = memory, Receives = true },
            Cards = CardPlug.OfTemplate(Spec),
        };

    /// <summary>The plan of a machine whose memory is in a file of its own.</summary>
    public MachinePlan With(MemoryFile memory) => this with { Boot = Boot with { Memory = memory } };

    /// <summary>The plan of a machine that was restored, and boots from its disks again.</summary>
    public MachinePlan ToReboot() =>
        this with
        {
            Boot = Boot with { Memory = Boot.Memory is { Shared: true } own ? own : null, Reboots = true },
        };

    public IReadOnlyList<string> Arguments(string name) =>
        QemuArguments.Build(Spec, Boot, name, Accelerator, MachineChannels.Library, Cards);

    private static BootFiles Describe(MachineSpec spec, GuestImage image, Accelerator accelerator)
    {
        // Under KVM Linux asks the hypervisor for its clock.
        bool needsCounter = accelerator == Accelerator.Tcg && image.Architecture == "amd64";
        SshAccess access = spec.Ssh ?? new SshAccess();
        return new BootFiles
        {
            BackingDisks = [image.DiskPath, .. image.BackingFiles],
            LowestFormat = image.LowestFormat,
            Kernel = image.KernelPath,
            Initrd = image.InitrdPath,
            KernelArguments = image.KernelArguments,
            MeasuredArguments = () => needsCounter ? TimeStampCounter.KernelArgument : "",
            Architecture = image.Architecture,
            Seed = CloudSeed.For(
                spec.CloudInit,
                needsAgent: image.HasAgent == false && spec.GuestAccess is GuestAccess.Auto or GuestAccess.Agent,
                needsKeys: Takes(spec, image, GuestAccess.Ssh) && (access.IdentityFile is null || access.HostKey is null) ? access : null
            ),
            HasGuestAgentPort = Takes(spec, image, GuestAccess.GuestAgent),
        };
    }

    // Where nothing was asked for, an image without the agent is tried by the others' ways: by SSH, where the spec says how.
    private static bool Takes(MachineSpec spec, GuestImage image, GuestAccess way) =>
        spec.GuestAccess == way
        || (spec.GuestAccess == GuestAccess.Auto && image.HasAgent != true && (way != GuestAccess.Ssh || spec.Ssh is not null));
}
