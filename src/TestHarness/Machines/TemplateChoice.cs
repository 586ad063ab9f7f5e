using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Qemu;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Finds the warm template that a machine is restored from, or why it boots.</summary>
internal sealed class TemplateChoice(MachineSpec spec)
{
    // Which layers this start made, by how many steps they have behind them.
    private readonly HashSet<int> _made = [];
    private bool _refusedBefore;

    /// <summary>Why a machine that was to start warm boots, or <see langword="null"/>.</summary>
    public string? StartNote { get; private set; }

    /// <summary>How many steps of the set-up the template has behind it; the others run in the machine.</summary>
    public int StepsDone { get; private set; }

    /// <summary>
    /// Finds the template, which is made where there is none. The caller disposes it. <see langword="null"/> where the machine boots.
    /// </summary>
    public async Task<Template?> FindAsync(MachinePlan plan, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        StepsDone = 0;
        if (spec.Start == StartMode.Cold || StartNote is not null)
            return null;
        if (FindObstacle() is { } known)
            return Boot(known, progress);
        string processor = plan.Accelerator == Accelerator.Kvm ? TemplateKey.HostProcessor() : "";
        string booted = TemplateKey.Make(plan.Image.Key, plan.Program, spec, plan.Boot, plan.Accelerator, processor);
        QemuReach.RequireWayTo(Path.Combine(CacheFolder.Templates, booted), "TESTHARNESS_CACHE");
        string[] keys = [booted, .. LayerKeys.Make(booted, plan.Setup)];
        // Where a layer can't be kept, the machine goes on from the one below, and its own steps follow.
        string? obstacle = null;
        for (int steps = plan.Setup.Count; steps >= 0; steps--)
        {
            (Template? template, string? reason) = await LayerAsync(plan, keys, steps, progress, cancellationToken).ConfigureAwait(false);
            obstacle ??= reason;
            if (template is null)
                continue;
            StepsDone = steps;
            if (steps > 0 && !_made.Contains(steps))
                progress.Tell($"set-up: {steps} of {plan.Setup.Count} steps cached");
            if (steps < plan.Setup.Count)
                progress.Tell($"set-up: {plan.Setup.Count - steps} steps run in each machine, because no layer can be kept: {obstacle}");
            return template;
        }

        return Boot($"it can't be kept as a warm template: {obstacle}", progress);
    }

    // The locks are taken from the top down, so two who make layers of one set-up never wait for each other.
    private async Task<(Template? Template, string? Reason)> LayerAsync(
        MachinePlan plan,
        string[] keys,
        int steps,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await TemplateStore.GetAsync(keys[steps], MakeAsync, progress.Tell, cancellationToken).ConfigureAwait(false);
        }
        catch (TemplateRefusedException e) when (!_refusedBefore)
        {
            _refusedBefore = true;
            progress.Tell($"the layer below is thrown away and made again: QEMU refused it: {e.Message}");
            return await LayerAsync(plan, keys, steps, progress, cancellationToken).ConfigureAwait(false);
        }

        async Task<MadeTemplate> MakeAsync(string folder, string finalFolder, CancellationToken token)
        {
            if (steps == 0)
                return await TemplateMaker.MakeAsync(spec, folder, finalFolder, progress, token).ConfigureAwait(false);
            (Template? below, string? reason) = await LayerAsync(plan, keys, steps - 1, progress, token).ConfigureAwait(false);
            if (below is null)
                return new MadeTemplate { Obstacle = reason, IsPassing = true };
            _made.Add(steps);
            for (int index = 0; index < steps - 1 && !_made.Contains(steps - 1); index++)
                progress.Tell($"{SetupRunner.NameOf(plan.Setup, index)}: cached");
            string lower = below.Folder;
            try
            {
                return await LayerMaker.MakeAsync(plan, steps - 1, below, folder, finalFolder, progress, token).ConfigureAwait(false);
            }
            catch (TemplateRefusedException)
            {
                TemplateEviction.TryRemove(lower);
                throw;
            }
        }
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

    private string? FindObstacle() =>
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
