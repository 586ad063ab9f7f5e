using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Qemu;
using TestHarness.Seeds;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>
/// One QEMU and all that it holds on the host: template, room, folder, disks, process. Released in the reverse order of taking. A guest
/// that reboots in a new QEMU does so within it.
/// </summary>
internal sealed class MachineRun : IAsyncDisposable
{
    private const int SmallestShareMiB = 128;

    // A helper program that is being killed may still write into the folder.
    private const int MostRemovals = 100;

    // Machines end when their tests do, and a suite's tests take minutes.
    private static readonly TimeSpan LedgerLimit = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan BetweenRemovals = TimeSpan.FromMilliseconds(10);

    private readonly IDisposable _room;
    private BaseFiles? _baseFiles;

    private MachineRun(MachinePlan plan, Template? template, IDisposable room) => (Plan, Template, _room) = (plan, template, room);

    /// <summary>What it goes by; another one after a reboot in a new QEMU.</summary>
    public MachinePlan Plan { get; private set; }

    /// <summary>The template that it goes on from, or <see langword="null"/> where it boots.</summary>
    public Template? Template { get; }

    /// <summary>The folder that QEMU runs in, or <see langword="null"/> before there is one.</summary>
    public string? Folder { get; private set; }

    /// <summary>The QEMU that is connected, or <see langword="null"/> before it is.</summary>
    public QemuInstance? Instance { get; private set; }

    /// <summary>QEMU's process, there before its connections are.</summary>
    public QemuProcess? Process { get; private set; }

    /// <summary>The disks that outlive the machine, or <see langword="null"/> where they go with it.</summary>
    public KeptDisks? Kept { get; private set; }

    public IReadOnlyList<ForwardedPort> Forwards { get; set; } = [];

    /// <summary>The files that the machine's disks lie on, in words.</summary>
    public string BaseFilesInWords => _baseFiles?.ToString() ?? "";

    /// <summary>Waits for room on the host. The template is released with the run, or where there is no room.</summary>
    /// <param name="plan">The plan, which knows of no template.</param>
    /// <param name="name">The machine's name.</param>
    /// <param name="template">The template, or <see langword="null"/> to boot.</param>
    /// <param name="canWait">Whether it is worth waiting for room.</param>
    /// <param name="progress">Told what is waited for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<MachineRun> TakeAsync(
        MachinePlan plan,
        string name,
        Template? template,
        bool canWait,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        try
        {
            IDisposable room = await Ledger
                .Default.TakeAsync(
                    Share(plan.Spec, name, template),
                    canWait ? LedgerLimit : TimeSpan.Zero,
                    text => progress.Tell($"waiting for room on the host: {text}"),
                    cancellationToken
                )
                .ConfigureAwait(false);
            return new MachineRun(template is null ? plan : plan.On(template), template, room);
        }
        catch
        {
            template?.Dispose();
            throw;
        }
    }

    public string MakeFolder() => Folder = RunFolder.CreateForMachine();

    /// <summary>Makes the machine's disks in its folder.</summary>
    /// <param name="keys">The keys that cloud-init installs, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task MakeDisksAsync(SshFiles? keys, CancellationToken cancellationToken)
    {
        string folder = Folder!;
        if (Plan.Spec.Forkable)
            Plan = Plan.With(await MakeMemoryAsync(Path.Combine(folder, TemplateFiles.Memory), cancellationToken).ConfigureAwait(false));
        if (Template is not null)
        {
            Template.CopyOverlays(folder);
            return;
        }

        MachineSpec spec = Plan.Spec;
        Task CreateAsync(string at) => Overlay.CreateAsync(spec, Plan.Image, Plan.Boot.Uefi, at, cancellationToken);
        if (spec.DiskFolder is { } kept)
            Kept = await KeptDisks.TakeAsync(kept, Plan.Image, spec.Disks.Count, folder, CreateAsync).ConfigureAwait(false);
        else
            await CreateAsync(folder).ConfigureAwait(false);
        if (Plan.Boot.Seed is { } seed)
            await SeedDisk.CreateAsync(seed, keys, folder, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes disks like the machine's for a QEMU that takes it over, and neither reads them nor writes to them.</summary>
    /// <param name="folder">That QEMU's folder.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task MakeEmptyDisksAsync(string folder, CancellationToken cancellationToken)
    {
        if (Template is not null)
        {
            Template.CopyOverlays(folder);
            return;
        }

        await Overlay.CreateAsync(Plan.Spec, Plan.Image, Plan.Boot.Uefi, folder, cancellationToken).ConfigureAwait(false);
        string seed = Path.Combine(Folder!, MachineFileNames.Seed);
        if (!File.Exists(seed))
            return;
        QemuFile.Copy(seed, Path.Combine(folder, MachineFileNames.Seed));
        QemuUser.Give(Path.Combine(folder, MachineFileNames.Seed));
    }

    private async Task<MemoryFile> MakeMemoryAsync(string path, CancellationToken cancellationToken)
    {
        if (Template is null)
            return MemoryFile.Create(path, Plan.Spec.MemoryMiB * 1024L * 1024L);
        await MemoryFile.CopyAsync(Template.Memory, path, cancellationToken).ConfigureAwait(false);
        return new MemoryFile(path, Shared: true);
    }

    /// <summary>Starts QEMU on the folder. The guest's processors stand still.</summary>
    public async Task<QemuInstance> LaunchAsync(string name, Action<QmpEvent> eventReceived, CancellationToken cancellationToken)
    {
        _baseFiles?.Dispose();
        _baseFiles = BaseFiles.Of(Plan.Boot);
        Instance = await QemuInstance
            .StartAsync(
                Plan.Program,
                Plan.Arguments(name),
                Folder!,
                Plan.Boot.HasGuestAgentPort,
                serialPorts: 1 + Plan.Spec.SerialPorts.Count,
                Plan.Cards,
                Plan.Choice.DeviceGroup,
                process => Process = process,
                eventReceived,
                cancellationToken
            )
            .ConfigureAwait(false);
        if (Plan.Cards.Any(card => card.IsPulled()))
            await CardPlug.SetLinksAsync(Plan.Cards, Instance.Monitor, cancellationToken).ConfigureAwait(false);
        return Instance;
    }

    /// <summary>Loads the template's state. The cards have the carriers of now: it has those of then.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        await Migration.LoadAsync(Instance!.Monitor, Folder!, Template!.State, cancellationToken).ConfigureAwait(false);
        await CardPlug.SetLinksAsync(Plan.Cards, Instance.Monitor, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>From here on the machine boots from its disks: a QEMU that was restored knows no kernel.</summary>
    public void BootFromDisks()
    {
        Plan = Plan.ToReboot();
        Plan.Boot.Memory?.Clear();
    }

    /// <summary>Which of the files below the machine's disks was cut short, in words, or <see langword="null"/>.</summary>
    public string? FindCut() => _baseFiles?.FindCut();

    /// <summary>A QEMU that ended by itself did not like what it was given; one that a signal ended is no fault of the template.</summary>
    /// <param name="reason">What was seen of its end.</param>
    /// <exception cref="TemplateRefusedException">It ended by itself.</exception>
    public async Task ThrowIfRefusedAsync(Exception reason)
    {
        if (Process is not { } process)
            return;
        bool signalled = await process.EndsSoonAsync().ConfigureAwait(false) && await process.Exited.ConfigureAwait(false) > 128;
        if (!signalled)
            throw new TemplateRefusedException(process.StandardError is { Length: > 0 } words ? words.Trim() : reason.Message, reason);
    }

    /// <summary>Ends QEMU. The rest stays for what is still to be read.</summary>
    public ValueTask EndQemuAsync() => Instance?.DisposeAsync() ?? ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await EndQemuAsync().ConfigureAwait(false);
        _baseFiles?.Dispose();
        try
        {
            if (Folder is not null)
                await RemoveAsync(Folder).ConfigureAwait(false);
        }
        finally
        {
            // What others wait for.
            Kept?.Dispose();
            _room.Dispose();
            Template?.Dispose();
            // The last heir's.
            if (Template is { IsFork: true } fork)
                TemplateEviction.TryRemove(fork.Folder);
        }
    }

    /// <summary>Whether a machine of a spec shares memory with the template that it is restored from.</summary>
    public static bool SharesMemory(MachineSpec spec) =>
        spec is { Start: StartMode.Warm, Forkable: false, DiskFolder: null, Shares.Count: 0 };

    /// <summary>
    /// What a machine takes of the host beside its template: it shares the template's pages until it writes to them, and a quarter of its
    /// memory is more than tests were seen to write.
    /// </summary>
    public static int LeastMemoryMiB(MachineSpec spec) =>
        SharesMemory(spec) ? Math.Min(spec.MemoryMiB, Math.Max(SmallestShareMiB, spec.MemoryMiB / 4)) : spec.MemoryMiB;

    private static LedgerRequest Share(MachineSpec spec, string name, Template? template) =>
        template is null || spec.Forkable
            ? new LedgerRequest(name, spec.MemoryMiB, spec.Cpus)
            : new LedgerRequest(name, LeastMemoryMiB(spec), spec.Cpus)
            {
                SharedKey = Path.GetFileName(template.Folder),
                SharedMiB = spec.MemoryMiB,
            };

    private static async Task RemoveAsync(string folder)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                RunFolder.Remove(folder);
                return;
            }
            catch (IOException) when (attempt < MostRemovals)
            {
                await Clock.System.Delay(BetweenRemovals).ConfigureAwait(false);
            }
        }
    }
}
