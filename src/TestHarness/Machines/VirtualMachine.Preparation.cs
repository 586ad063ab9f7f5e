using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Machines;
using TestHarness.Qemu;
using TestHarness.Seeds;
using TestHarness.Text;

namespace TestHarness;

// What a start needs before there is anything of the machine on the host.
public sealed partial class VirtualMachine
{
    private static readonly string[] NeededPrograms = ["setpriv", "setsid", "qemu-img", "rsync", "socat"];

    private static readonly string[] SshPrograms = [SshArguments.Program, "ssh-keygen"];

    private UefiFirmware? _uefi;
    private AcceleratorChoice? _choice;
    private FileIo _fileIo = FileIo.Threads;
    private GuestImage? _image;
    private Accelerator _accelerator;

    /// <summary>Gets QEMU's command line as a start would have it; builds or fetches the image where it is not there, and starts nothing.</summary>
    internal async Task<string> PreviewAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        await PrepareAsync(progress, cancellationToken).ConfigureAwait(false);
        Describe(_image!, progress);
        return ShellQuote.Join([Program, .. QemuArguments.Build(Spec, _boot!, Name, _accelerator, MachineChannels.Library)]);
    }

    private async Task PrepareAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        Prerequisites.Require([.. NeededPrograms, Spec.QemuPath ?? "qemu-system-x86_64", .. Spec.GuestAccess == GuestAccess.Ssh ? SshPrograms : [], .. SeedDisk.ProgramsFor(Spec)]);
        foreach (HostShare share in Spec.Shares)
            ShareFolder.Require(share.HostPath);
        if (Spec.DiskFolder is { } disks)
            QemuReach.RequireWayTo(Path.GetFullPath(disks), "MachineSpec.DiskFolder; for testvm TESTHARNESS_DATA");
        _uefi = UefiFirmware.For(Spec);
        // Before an image is built for a machine that this host can't run.
        using (Spans.Start("accelerator"))
        {
            var host = new AcceleratorHost(Program);
            _choice = await AcceleratorChoice.ChooseAsync(Spec.Accelerator, host, cancellationToken).ConfigureAwait(false);
            _fileIo = await FileIo.ChooseAsync(host, _choice, cancellationToken).ConfigureAwait(false);
        }

        using (Spans.Start("image"))
            _image = await ImageStore.GetAsync(Spec, progress, cancellationToken).ConfigureAwait(false);
    }

    // What it boots from, and by what: everything that a template depends on.
    private void Describe(GuestImage image, IProgress<StartProgress>? progress)
    {
        _accelerator = _choice!.Accelerator;
        // Under KVM Linux asks the hypervisor for its clock.
        bool needsCounter = _accelerator == Accelerator.Tcg && image.Architecture == "amd64";
        _boot = new BootFiles
        {
            BackingDisks = [image.DiskPath, .. image.BackingFiles],
            LowestFormat = image.LowestFormat,
            Uefi = _uefi,
            Kernel = image.KernelPath,
            Initrd = image.InitrdPath,
            KernelArguments = image.KernelArguments,
            MeasuredArguments = () => needsCounter ? TimeStampCounter.KernelArgument : "",
            Architecture = image.Architecture,
            Seed = CloudSeed.For(
                Spec.CloudInit,
                needsAgent: image.HasAgent == false && Spec.GuestAccess is GuestAccess.Auto or GuestAccess.Agent,
                needsKeys: UsesSsh && (SshAccess.IdentityFile is null || SshAccess.HostKey is null) ? SshAccess : null),
            HasGuestAgentPort = UsesGuestAgent,
            Memory = _memory,
            FileIo = _fileIo,
        };
        SpecValidation.Check(Spec, image, _boot, _accelerator);
        foreach (string file in (string[])[Program, .. image.Files])
            QemuReach.RequireReadable(file);
        Report(progress, $"accelerator: {_choice.Reason}");
        if (_fileIo.Obstacle is { } obstacle)
            Report(progress, $"disks: by threads, because io_uring can't be used: {obstacle}");
    }
}
