using System.Diagnostics;
using System.Net.Sockets;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Networks;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly string[] NeededPrograms = ["setpriv", "setsid", "qemu-img", "rsync", "socat"];

    private readonly CancellationTokenSource _ended = new();
    private IDisposable? _share;
    private QemuInstance? _instance;
    private QemuProcess? _process;
    private GuestImage? _image;
    private BootFiles? _boot;
    private Accelerator _accelerator;
    private IReadOnlyList<ForwardedPort> _forwards = [];

    private string Program => Prerequisites.Find(Spec.QemuPath ?? "qemu-system-x86_64");

    /// <summary>Describes and starts a machine; returns when the guest is up, answers, and has confirmed clock, random state and host name.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="progress">Told each step, also of an image or a template that is made first. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machine.</param>
    /// <returns>The running machine; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The spec has mistakes.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">QEMU or the guest did not start.</exception>
    public static async Task<VirtualMachine> StartAsync(
        MachineSpec spec, IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var machine = new VirtualMachine(spec);
        SparePool? spares = spec.Spares > 0 ? SparePool.Of(spec) : null;
        if (spares is not null && await spares.TryTakeAsync(cancellationToken).ConfigureAwait(false) is { } spare)
        {
            machine = spare;
            Report(progress, "running (a spare)");
        }
        else
        {
            await machine.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        }

        spares?.Fill();
        return machine;
    }

    /// <summary>Starts the machine, once; returns when the guest is up, answers, and has confirmed clock, random state and host name.</summary>
    /// <param name="progress">Told each step, also of an image or a template that is made first. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machine.</param>
    /// <returns>A task for the start.</returns>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">QEMU or the guest did not start.</exception>
    public async Task StartAsync(IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (State != MachineState.Created)
            throw new InvalidOperationException($"Machine '{Name}' was started before (it is {State}): make another one with the same spec.");
        State = MachineState.Starting;
        if (!MakesTemplate && !_isSpare)
            Starting?.Invoke(this);
        using Activity? span = Spans.Start("start", Name);
        try
        {
            Prerequisites.Require([.. NeededPrograms, Spec.QemuPath ?? "qemu-system-x86_64"]);
            using (Spans.Start("image"))
                _image = await ImageStore.GetAsync(Spec.Image, progress, cancellationToken).ConfigureAwait(false);
            while (!await TryStartGuestAsync(progress, cancellationToken).ConfigureAwait(false))
            {
                // Its template was refused: with another one, or without.
            }
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static void Report(IProgress<StartProgress>? progress, string step) => progress?.Report(new StartProgress(PrintableText.Of(step)));

    // What it boots from, and by what: everything that a template depends on.
    private void Describe(GuestImage image, IProgress<StartProgress>? progress)
    {
        (_accelerator, string why) = AcceleratorChoice.Choose(Spec.Accelerator);
        bool needsCounter = Spec.Type == MachineType.Microvm && _accelerator == Accelerator.Tcg;
        _boot = new BootFiles
        {
            BackingDisks = [image.DiskPath],
            Kernel = image.KernelPath,
            Initrd = image.InitrdPath,
            KernelArguments = image.KernelArguments,
            MeasuredArguments = needsCounter ? TimeStampCounter.KernelArgument : "",
            Architecture = image.Architecture,
            Memory = _memory,
        };
        foreach (string file in (string[])[Program, image.DiskPath, image.KernelPath, image.InitrdPath])
            QemuUser.RequireReadable(file);
        Report(progress, $"accelerator: {why}");
    }

    // False where QEMU refused to restore the template.
    private async Task<bool> TryStartGuestAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        Describe(_image!, progress);
        using (Spans.Start("template"))
            await FindTemplateAsync(progress, cancellationToken).ConfigureAwait(false);
        using (Spans.Start("room"))
            _share = await TakeRoomAsync(progress, cancellationToken).ConfigureAwait(false);
        try
        {
            await StartGuestAsync(progress, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (TemplateRefusedException e)
        {
            await GiveTemplateUpAsync(e.Message, progress).ConfigureAwait(false);
            return false;
        }
    }

    private async Task StartGuestAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Spec.StartTimeout);
        string phase = "QEMU to start";
        try
        {
            Supervision.EnsureStarted();
            _folder = RunFolder.CreateForMachine();
            using (Spans.Start("overlays"))
                await MakeOverlaysAsync(limit.Token).ConfigureAwait(false);
            await LaunchAsync(limit.Token).ConfigureAwait(false);
            phase = "the guest to answer";
            Report(progress, _template is null ? "guest boots" : "guest is restored");
            using (Spans.Start("guest"))
                await ComeUpAsync(text => Report(progress, phase = text), limit.Token).ConfigureAwait(false);
            using (Spans.Start("forwards"))
                _forwards = await ForwardedPort.OpenAsync(Monitor, Spec.PortForwards, limit.Token).ConfigureAwait(false);
            State = MachineState.Running;
            Report(progress, "running");
        }
        catch (Exception e) when (e is not (TestHarnessException or TemplateRefusedException) && !cancellationToken.IsCancellationRequested)
        {
            throw await StartFailureAsync(phase, e).ConfigureAwait(false);
        }
    }

    private async Task MakeOverlaysAsync(CancellationToken cancellationToken)
    {
        if (_template is not null)
            _template.CopyOverlays(Folder);
        else
            await Overlay.CreateAsync(Spec, _image!.DiskPath, Folder, cancellationToken).ConfigureAwait(false);
    }

    // Starts QEMU on the machine's folder, and the guest in it: restored, where the files say so.
    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> arguments = QemuArguments.Build(Spec, _boot!, Name, _accelerator, MachineChannels.Library);
        try
        {
            using (Spans.Start("qemu"))
            {
                _instance = await QemuInstance.StartAsync(Program, arguments, Folder, process => _process = process, OnMonitorEvent, cancellationToken)
                    .ConfigureAwait(false);
            }

            _exitWatch = WatchExitAsync(_instance);
            Console.Attach(_instance.Serial);
            if (_boot!.Template is not null)
                await RestoreAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (_boot!.Template is not null && e is QmpException or QemuEndedException or IOException or SocketException)
        {
            await ThrowIfRefusedAsync(e).ConfigureAwait(false);
            throw;
        }

        await Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
    }

    private async Task ComeUpAsync(Action<string> phase, CancellationToken cancellationToken)
    {
        Task up = _guest.ComeUpAsync(_instance!.Agent, _image!.Ready, restored: _boot!.Template is not null, phase, cancellationToken);
        if (await Task.WhenAny(up, _process!.Exited).ConfigureAwait(false) != up)
            throw new QemuEndedException(await _process.Exited.ConfigureAwait(false));
        await up.ConfigureAwait(false);
    }

    private async Task<MachineStartException> StartFailureAsync(string phase, Exception reason)
    {
        // Not where the time ran out: then it was this process that ended QEMU.
        if (reason is not OperationCanceledException && _process is { Exited.IsCompleted: true } process)
        {
            await Console.DrainAsync().ConfigureAwait(false);
            reason = new QemuEndedException(await process.Exited.ConfigureAwait(false));
        }

        string what = reason switch
        {
            QemuEndedException ended => new MachineExit(MachineExitReason.QemuExited, ended.ExitCode, "").ToString(),
            OperationCanceledException => $"it took more than {Spec.StartTimeout.TotalSeconds:0.#} s (MachineSpec.StartTimeout)",
            _ => reason.Message,
        };
        var text = new FailureText($"Machine '{Name}' (image {Spec.Image}) did not start: {what}.");
        return new MachineStartException(Facts(), text.Add("Waited for", phase), reason);
    }
}
