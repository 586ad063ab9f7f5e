using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Finds the warm template that a machine is restored from, or why it boots.</summary>
internal sealed class TemplateChoice(MachineSpec spec)
{
    private bool _refusedBefore;

    /// <summary>Why a machine that was to start warm boots, or <see langword="null"/>.</summary>
    public string? StartNote { get; private set; }

    /// <summary>
    /// Finds the template, which is made where there is none. The caller disposes it. <see langword="null"/> where the machine boots.
    /// </summary>
    public async Task<Template?> FindAsync(MachinePlan plan, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        if (spec.Start == StartMode.Cold || StartNote is not null)
            return null;
        if (Obstacle() is { } obstacle)
            return Boot(obstacle, progress);
        string processor = plan.Accelerator == Accelerator.Kvm ? TemplateKey.HostProcessor() : "";
        string key = TemplateKey.Make(plan.Image.Key, plan.Program, spec, plan.Boot, plan.Accelerator, processor);
        QemuReach.RequireWayTo(Path.Combine(CacheFolder.Templates, key), "TESTHARNESS_CACHE");
        (Template? template, string? reason) = await TemplateStore
            .GetAsync(
                key,
                (folder, finalFolder, token) => TemplateMaker.MakeAsync(spec, folder, finalFolder, progress, token),
                progress.Tell,
                cancellationToken
            )
            .ConfigureAwait(false);
        return template ?? Boot($"it can't be kept as a warm template: {reason}", progress);
    }

    /// <summary>QEMU refused the template, which is released: the next start makes it again, or boots.</summary>
    public void GiveUp(Template template, string reason, IProgress<StartProgress>? progress)
    {
        string folder = template.Folder;
        template.Dispose();
        string refused = $"QEMU refused template {Path.GetFileName(folder)}: {reason}";
        if (_refusedBefore)
            Boot($"{refused} (and one before)", progress);
        else if (!TemplateEviction.TryRemove(folder))
            Boot($"{refused} (it stays, because other machines run on it)", progress);
        else
            progress.Tell($"template is thrown away and made again: {refused}");
        _refusedBefore = true;
    }

    private string? Obstacle() =>
        spec.Shares.Count > 0 ? "it can't be kept as a warm template: it has a share of the host mounted (MachineSpec.Shares)"
        : spec.DiskFolder is not null ? "its disks are kept (MachineSpec.DiskFolder)"
        : spec.GuestAccess == GuestAccess.None
            ? "nothing in this guest says when it is up, so there is no moment to keep as a warm template"
        : null;

    private Template? Boot(string reason, IProgress<StartProgress>? progress)
    {
        StartNote = PrintableText.Of($"boots, because {reason}");
        progress.Tell(StartNote);
        return null;
    }
}
