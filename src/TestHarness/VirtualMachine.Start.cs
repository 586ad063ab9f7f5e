using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Networks;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private static readonly string[] NeededPrograms = ["setpriv", "setsid", "qemu-img", "rsync", "socat"];

    private readonly CancellationTokenSource _ended = new();
    private QemuInstance? _instance;
    private QemuProcess? _process;
    private BootFiles? _boot;
    private Accelerator _accelerator;
    private IReadOnlyList<ForwardedPort> _forwards = [];
    private Task _exitWatch = Task.CompletedTask;

    private string Program => Spec.QemuPath ?? "qemu-system-x86_64";

    /// <summary>Describes and starts a machine; returns when the guest is up, answers, and has confirmed clock, random state and host name.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="progress">Told each step, also of an image that is built first. Default: nobody.</param>
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
        await machine.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        return machine;
    }

    /// <summary>Starts the machine, once; returns when the guest is up, answers, and has confirmed clock, random state and host name.</summary>
    /// <param name="progress">Told each step, also of an image that is built first. Default: nobody.</param>
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
        Starting?.Invoke(this);
        try
        {
            Prerequisites.Require([.. NeededPrograms, Program]);
            GuestImage image = await ImageStore.GetAsync(Spec.Image, progress, cancellationToken).ConfigureAwait(false);
            await StartOnAsync(image, progress, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task StartOnAsync(GuestImage image, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Spec.StartTimeout);
        string phase = "QEMU to start";
        try
        {
            await LaunchAsync(image, progress, limit.Token).ConfigureAwait(false);
            phase = "the guest to answer";
            Report(progress, "guest boots");
            await _guest.ComeUpAsync(_instance!.Agent, image.Ready, text => Report(progress, phase = text), limit.Token)
                .WaitAsync(_ended.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            _forwards = await ForwardedPort.QueryAsync(Monitor, Spec.PortForwards, limit.Token).ConfigureAwait(false);
            State = MachineState.Running;
            Report(progress, "running");
        }
        catch (Exception e) when (e is not TestHarnessException && !cancellationToken.IsCancellationRequested)
        {
            throw await StartFailureAsync(phase, e).ConfigureAwait(false);
        }
    }

    private async Task LaunchAsync(GuestImage image, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        (_accelerator, string why) = AcceleratorChoice.Choose(Spec.Accelerator);
        bool needsCounter = Spec.Type == MachineType.Microvm && _accelerator == Accelerator.Tcg;
        _boot = new BootFiles
        {
            BaseDisk = image.DiskPath,
            Kernel = image.KernelPath,
            Initrd = image.InitrdPath,
            KernelArguments = needsCounter ? $"{image.KernelArguments} {TimeStampCounter.KernelArgument}" : image.KernelArguments,
            Architecture = image.Architecture,
        };
        string program = Prerequisites.Find(Program);
        foreach (string file in (string[])[program, _boot.BaseDisk, _boot.Kernel, _boot.Initrd])
            QemuUser.RequireReadable(file);
        Supervision.EnsureStarted();
        _folder = RunFolder.CreateForMachine();
        Report(progress, $"QEMU starts with {why}");
        await Overlay.CreateAsync(Spec, _boot.BaseDisk, _folder, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<string> arguments = QemuArguments.Build(Spec, _boot, Name, _accelerator, MachineChannels.Library);
        _instance = await QemuInstance.StartAsync(program, arguments, _folder, process => _process = process, OnMonitorEvent, cancellationToken)
            .ConfigureAwait(false);
        _exitWatch = WatchExitAsync(_instance.Process);
        Console.Attach(_instance.Serial);
        await Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
    }

    private async Task<MachineStartException> StartFailureAsync(string phase, Exception reason)
    {
        if (_process?.Exited.IsCompleted == true)
            await Console.DrainAsync().ConfigureAwait(false);
        string what = reason switch
        {
            _ when _ended.IsCancellationRequested || reason is QemuEndedException => Exit?.ToString() ?? $"{new MachineExit(
                MachineExitReason.QemuExited, _process!.Exited.Result, "")}",
            OperationCanceledException => $"it took more than {Spec.StartTimeout.TotalSeconds:0.#} s (MachineSpec.StartTimeout)",
            _ => reason.Message,
        };
        var text = new FailureText($"Machine '{Name}' (image {Spec.Image}) did not start: {what}.");
        return new MachineStartException(Facts(), text.Add("Waited for", phase), reason);
    }

    private static void Report(IProgress<StartProgress>? progress, string step) => progress?.Report(new StartProgress(step));
}
