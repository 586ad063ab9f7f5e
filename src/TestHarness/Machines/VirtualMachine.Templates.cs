using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Machines;
using TestHarness.Qemu;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private const int SmallestShareMiB = 128;

    // Machines end when their tests do, and a suite's tests take minutes.
    private static readonly TimeSpan LedgerLimit = TimeSpan.FromMinutes(10);

    // Where this machine's memory is kept while a template is made of it.
    private readonly MemoryFile? _memory;
    private Template? _template;
    private bool _refusedBefore;

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

    private Task<IDisposable> TakeRoomAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken) => Ledger.Default.TakeAsync(
        LedgerShare(),
        _isSpare ? TimeSpan.Zero : LedgerLimit,
        text => Report(progress, $"waiting for room on the host: {text}"),
        cancellationToken);

    private bool MakesTemplate => _memory is not null;

    /// <summary>Saves the machine as a template's files and ends it. Returns why that can't be done, or <see langword="null"/>.</summary>
    internal async Task<string?> SaveAsync(string folder, string finalFolder, CancellationToken cancellationToken)
    {
        await _guest.DetachAsync().ConfigureAwait(false);
        await Monitor.ExecuteLongAsync("stop", null, cancellationToken).ConfigureAwait(false);
        try
        {
            await Migration.SaveAsync(Monitor, Folder, Path.Combine(folder, TemplateFiles.State), cancellationToken).ConfigureAwait(false);
        }
        catch (QmpRefusedException e)
        {
            return e.Message;
        }

        await _guest.DisposeAsync().ConfigureAwait(false);
        await _instance!.DisposeAsync().ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
        foreach ((int index, SerialConsole port) in _serials.Index())
            await port.Log.SaveAsync(Path.Combine(folder, TemplateFiles.SerialLog(index)), cancellationToken).ConfigureAwait(false);
        if (UsesSsh)
            SshFiles.CopyTo(Path.Combine(folder, SshFolder));
        await TemplateDisks.TakeAsync(Folder, folder, finalFolder, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task FindTemplateAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        if (Spec.Start == StartMode.Cold || StartNote is not null)
            return;
        if (Spec.Shares.Count > 0)
        {
            Boot("it can't be kept as a warm template: it has a share of the host mounted (MachineSpec.Shares)", progress);
            return;
        }

        if (Spec.DiskFolder is not null)
        {
            Boot("its disks are kept (MachineSpec.DiskFolder)", progress);
            return;
        }

        if (Spec.GuestAccess == GuestAccess.None)
        {
            Boot("nothing in this guest says when it is up, so there is no moment to keep as a warm template", progress);
            return;
        }

        string processor = _accelerator == Accelerator.Kvm ? TemplateKey.HostProcessor() : "";
        string key = TemplateKey.Make(_image!.Key, Program, Spec, _boot!, _accelerator, processor);
        QemuReach.RequireWayTo(Path.Combine(CacheFolder.Templates, key), "TESTHARNESS_CACHE");
        (_template, string? reason) = await TemplateStore.GetAsync(
            key,
            (folder, finalFolder, token) => TemplateMaker.MakeAsync(Spec, folder, finalFolder, progress, token),
            text => Report(progress, text),
            cancellationToken).ConfigureAwait(false);
        if (_template is null)
        {
            Boot($"it can't be kept as a warm template: {reason}", progress);
            return;
        }

        _boot = _boot! with
        {
            BackingDisks = [_template.Disk, .. _boot.BackingDisks],
            Memory = new MemoryFile(_template.Memory, Shared: false),
            Template = _template.Folder,
        };
    }

    private void Boot(string reason, IProgress<StartProgress>? progress)
    {
        StartNote = PrintableText.Of($"boots, because {reason}");
        Report(progress, StartNote);
    }

    // The log begins with the template's, once it is certain that the machine goes on from there.
    private async Task RestoreAsync(CancellationToken cancellationToken)
    {
        using (Spans.Start("restore"))
            await Migration.LoadAsync(Monitor, Folder, _template!.State, cancellationToken).ConfigureAwait(false);
        foreach ((int index, SerialConsole port) in _serials.Index())
            port.Log.Append(_template.ReadSerialLog(index));
    }

    // A QEMU that ended by itself did not like what it was given; one that a signal ended is no fault of the template.
    private async Task ThrowIfRefusedAsync(Exception reason)
    {
        await Task.WhenAny(_process!.Exited, Task.Delay(ExitFollows, CancellationToken.None)).ConfigureAwait(false);
        bool signalled = _process.Exited.IsCompletedSuccessfully && await _process.Exited.ConfigureAwait(false) > 128;
        if (!signalled)
            throw new TemplateRefusedException(_process.StandardError is { Length: > 0 } words ? words.Trim() : reason.Message, reason);
    }

    private void GiveTemplateUp(string reason, IProgress<StartProgress>? progress)
    {
        string folder = _template!.Folder;
        _template.Dispose();
        string refused = $"QEMU refused template {Path.GetFileName(folder)}: {reason}";
        if (_refusedBefore)
            Boot($"{refused} (and one before)", progress);
        else if (!TemplateEviction.TryRemove(folder))
            Boot($"{refused} (it stays, because other machines run on it)", progress);
        else
            Report(progress, $"template is thrown away and made again: {refused}");
        _refusedBefore = true;
    }
}
