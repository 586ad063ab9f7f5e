using TestHarness.Hosts;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private const int SmallestShareMiB = 128;

    // Where this machine's memory is kept while a template is made of it.
    private readonly MemoryFile? _memory;
    private Template? _template;

    internal VirtualMachine(MachineSpec spec, MemoryFile memory)
        : this(spec, hostname: null) => _memory = memory;

    /// <summary>Gets a value indicating whether the machine was restored from a warm template, and did not boot.</summary>
    public bool IsWarm => _template is not null;

    /// <summary>Gets why a machine that was to start warm booted, or <see langword="null"/>.</summary>
    public string? StartNote { get; private set; }

    // A restored machine shares the template's pages until it writes to them; a quarter of its memory is more than tests were seen to write.
    private LedgerRequest LedgerShare() => _template is null
        ? new LedgerRequest(Name, Spec.MemoryMiB, Spec.Cpus)
        : new LedgerRequest(Name, Math.Min(Spec.MemoryMiB, Math.Max(SmallestShareMiB, Spec.MemoryMiB / 4)), Spec.Cpus)
        {
            SharedKey = Path.GetFileName(_template.Folder),
            SharedMiB = Spec.MemoryMiB,
        };

    private bool MakesTemplate => _memory is not null;

    /// <summary>Saves the machine as a template's files and ends it. Returns why that can't be done, or <see langword="null"/>.</summary>
    internal async Task<string?> SaveAsync(string folder, string finalFolder, CancellationToken cancellationToken)
    {
        await Monitor.ExecuteAsync("stop", null, cancellationToken).ConfigureAwait(false);
        try
        {
            await Migration.SaveAsync(Monitor, Folder, Path.Combine(folder, TemplateFiles.State), cancellationToken).ConfigureAwait(false);
        }
        catch (QmpException e)
        {
            return e.Message;
        }

        await _guest.DisposeAsync().ConfigureAwait(false);
        await _instance!.DisposeAsync().ConfigureAwait(false);
        await Console.DrainAsync().ConfigureAwait(false);
        await Console.Log.SaveAsync(Path.Combine(folder, TemplateFiles.SerialLog), cancellationToken).ConfigureAwait(false);
        await TemplateDisks.TakeAsync(Folder, folder, finalFolder, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task FindTemplateAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        if (Spec.Start == StartMode.Cold)
            return;
        string key = TemplateKey.Make(_image!.Key, Program, Spec, _boot!, _accelerator);
        (_template, string? reason) = await TemplateStore.GetAsync(
            key,
            (folder, finalFolder, token) => TemplateMaker.MakeAsync(Spec, folder, finalFolder, progress, token),
            text => Report(progress, text),
            cancellationToken).ConfigureAwait(false);
        if (_template is null)
        {
            StartNote = $"boots, because it can't be kept as a warm template: {reason}";
            Report(progress, StartNote);
            return;
        }

        _boot = _boot! with
        {
            BackingDisks = [_template.Disk, .. _boot.BackingDisks],
            Memory = new MemoryFile(_template.Memory, Shared: false),
            Template = _template.Folder,
        };
    }
}
