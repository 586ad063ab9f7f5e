using System.Diagnostics;
using System.Net.Sockets;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Seeds;
using TestHarness.Templates;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenSource _over;
    private readonly TaskCompletionSource _launched = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IDisposable? _share;
    private KeptDisks? _kept;
    private QemuInstance? _instance;
    private QemuProcess? _process;
    private BootFiles? _boot;
    private BaseFiles? _baseFiles;
    private string? _program;
    private IReadOnlyList<ForwardedPort> _forwards = [];

    private readonly List<string> _failedStarts = [];

    /// <summary>Gets what ended the attempts to start that failed before the one that did not (<see cref="MachineSpec.StartRetries"/>).</summary>
    public IReadOnlyList<string> FailedStarts => _failedStarts;

    private string Program => _program ??= Prerequisites.Find(Spec.QemuPath ?? "qemu-system-x86_64");

    /// <summary>Describes and starts a machine; returns when the guest is up, answers, and has confirmed clock, random state and host name.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="progress">Told each step, also of an image or a template that is made first, on a thread of its own. What it throws ends the start. Default: nobody.</param>
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
            await spare.TellSpareAsync(progress).ConfigureAwait(false);
        }
        else
        {
            await machine.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        }

        spares?.Fill(spec.Spares);
        return machine;
    }

    /// <summary>Starts the machine, once; returns when the guest is up, answers, and has confirmed clock, random state and host name.</summary>
    /// <param name="progress">Told each step, also of an image or a template that is made first, on a thread of its own. What it throws ends the start. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machine.</param>
    /// <returns>A task for the start.</returns>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">QEMU or the guest did not start.</exception>
    public async Task StartAsync(IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!_life.TryMove(MachineState.Created, MachineState.Starting))
            throw new InvalidOperationException($"Machine '{Name}' was started before (it is {State}): make another one with the same spec.");
        // Not into a template, which machines share that reach other things.
        if (!MakesTemplate)
            _reaches.Add();
        using Activity? span = Spans.Start("start", Name);
        RecordedProgress told = _record.BeginStart(progress);
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposing.Token, told.Failed);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long began = Stopwatch.GetTimestamp();
        try
        {
            if (!MakesTemplate && !_isSpare)
                await _listeners.TellStartingAsync(Starting).WaitAsync(wanted.Token).ConfigureAwait(false);
            _start = ended.Task;
            await PrepareAsync(told, wanted.Token).ConfigureAwait(false);
            while (!await TryStartGuestAsync(told, wanted.Token).ConfigureAwait(false))
                await EndAttemptAsync().ConfigureAwait(false);
            await told.SettleAsync().ConfigureAwait(false);
            _record.NoteStarted(Stopwatch.GetElapsedTime(began), failure: null);
            ShowFromNow("since the machine was up");
        }
        catch (Exception e)
        {
            _record.NoteStarted(Stopwatch.GetElapsedTime(began), e);
            await DisposeStartedAsync().ConfigureAwait(false);
            await told.SettleAsync().ConfigureAwait(false);
            if (e is not TestHarnessException && cancellationToken.IsCancellationRequested)
                throw new OperationCanceledException(e.Message, e, cancellationToken);
            if (_disposing.IsCancellationRequested)
                throw new MachineStartException(Facts(), MachineFault.EndedByTest, new FailureText($"Machine '{Name}' (image {Spec.Image}) did not start: the test ended it."), e);
            throw;
        }
        finally
        {
            _launched.TrySetResult();
            ended.SetResult();
        }
    }

    // What there is of a start that failed goes before the next.
    private async Task EndAttemptAsync()
    {
        if (_instance is not null)
            await _instance.DisposeAsync().ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
        _instance = null;
        RunFolder.Remove(Folder);
        _kept?.Dispose();
        _baseFiles?.Dispose();
        _memory?.Clear();
        _share!.Dispose();
        _template?.Dispose();
        _template = null;
    }

    private static void Report(IProgress<StartProgress>? progress, string step) => progress?.Report(new StartProgress(PrintableText.Of(step)));

    // False where it is worth another attempt: with a new template, without one, or because QEMU was killed.
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
            GiveTemplateUp(e.Message, progress);
            return false;
        }
        catch (MachineStartException e) when (
            e.InnerException is QemuEndedException ended && (ended.IsCrash || (ended.IsBySignal && Console.Log.Text.Length == 0)) && _failedStarts.Count < Spec.StartRetries)
        {
            _failedStarts.Add(e.Summary);
            Report(progress, $"starts again: {e.Summary}");
            return false;
        }
    }

    private async Task StartGuestAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit);
        string phase = "QEMU to start";
        try
        {
            Supervision.EnsureStarted();
            _folder = RunFolder.CreateForMachine(UsesSsh);
            using (Spans.Start("overlays"))
                await MakeOverlaysAsync(limit.Token).ConfigureAwait(false);
            await LaunchAsync(limit.Token).ConfigureAwait(false);
            phase = "the guest to answer";
            Report(progress, _template is null ? "guest boots" : "guest is restored");
            using (Spans.Start("guest"))
                await ComeUpAsync(text => Report(progress, phase = text), RenewLimit, limit.Token).ConfigureAwait(false);
            using (Spans.Start("forwards"))
            {
                _forwards = [.. (await ForwardedPort.OpenAsync(Monitor, Spec.PortForwards, limit.Token).ConfigureAwait(false)).Where(forward => !forward.Host.Equals(_sshHost))];
                await _reaches.RequireAsync(limit.Token).ConfigureAwait(false);
            }

            // One that ended on the last steps: the watch has left it to the start.
            if (!_life.FinishStart(_instance!))
                _exitWatch = WatchExitAsync(_instance!);
            Report(progress, "running");
        }
        catch (Exception e) when (e is not (TestHarnessException or TemplateRefusedException) && !cancellationToken.IsCancellationRequested)
        {
            throw await StartFailureAsync(phase, e).ConfigureAwait(false);
        }

        // The default is what one boot takes.
        void RenewLimit()
        {
            if (Spec.StartTimeout is null)
                limit.CancelAfter(StartLimit);
        }
    }

    private async Task MakeOverlaysAsync(CancellationToken cancellationToken)
    {
        await MakeSshFilesAsync(cancellationToken).ConfigureAwait(false);
        if (_template is not null)
        {
            _template.CopyOverlays(Folder);
            return;
        }

        if (Spec.DiskFolder is { } kept)
            _kept = await KeptDisks.TakeAsync(kept, _image!, Spec.Disks.Count, Folder, folder => Overlay.CreateAsync(Spec, _image!, _uefi, folder, cancellationToken)).ConfigureAwait(false);
        else
            await Overlay.CreateAsync(Spec, _image!, _uefi, Folder, cancellationToken).ConfigureAwait(false);
        if (_boot!.Seed is { } seed)
            await SeedDisk.CreateAsync(seed, UsesSsh ? SshFiles : null, Folder, cancellationToken).ConfigureAwait(false);
    }

    // Starts QEMU on the machine's folder, and the guest in it: restored, where the files say so.
    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> arguments = QemuArguments.Build(Spec, _boot!, Name, _accelerator, MachineChannels.Library);
        _baseFiles?.Dispose();
        _baseFiles = BaseFiles.Of(_boot!);
        try
        {
            using (Spans.Start("qemu"))
            {
                _instance = await QemuInstance.StartAsync(
                        Program, arguments, Folder, _boot!.HasGuestAgentPort, _serials.Count, _choice!.DeviceGroup, process => _process = process, OnMonitorEvent, cancellationToken)
                    .ConfigureAwait(false);
            }

            _exitWatch = WatchExitAsync(_instance);
            _watch.Boot();
            foreach ((SerialConsole port, SerialPipe pipe) in _serials.Zip(_instance.Serials))
                port.Connect(pipe);
            if (_boot!.IsRestored)
                await RestoreAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (_boot!.IsRestored && e is QmpException or QemuEndedException or IOException or SocketException)
        {
            await ThrowIfRefusedAsync(e).ConfigureAwait(false);
            throw;
        }

        await Monitor.ExecuteAsync("cont", null, cancellationToken).ConfigureAwait(false);
        _launched.TrySetResult();
    }

    private async Task<MachineStartException> StartFailureAsync(string phase, Exception reason)
    {
        // What it lost may be the first sign of QEMU's end.
        if (reason is QmpBrokenException or AgentLostException or IOException && _process is not null)
            await Task.WhenAny(_process.Exited, Task.Delay(ExitFollows, CancellationToken.None)).ConfigureAwait(false);
        string? outOfMemory = null;
        if (reason is not BootFailedException && _process is { Exited.IsCompleted: true, EndedByUs: false } process)
        {
            await DrainAsync().ConfigureAwait(false);
            reason = new QemuEndedException(await process.Exited.ConfigureAwait(false));
            outOfMemory = await process.FindOutOfMemoryAsync().ConfigureAwait(false);
        }

        string limit = $"it took more than {StartLimit.TotalSeconds:0.#} s ({nameof(MachineSpec)}.{nameof(MachineSpec.StartTimeout)})";
        (MachineFault fault, string what) = reason switch
        {
            _ when _baseFiles?.FindCut() is { } cut => (MachineFault.HostDiskFailed, cut),
            _ when _life.MonitorLost is { } lost => (MachineFault.MonitorLost, lost),
            QmpException => (MachineFault.MonitorLost, reason.Message),
            BootFailedException { Trouble: { Fault: MachineFault.Deadline } late } => (late.Fault, $"{limit}; it was {late.Text}"),
            BootFailedException { Trouble: var trouble } => (trouble.Fault, trouble.Text),
            OperationCanceledException => (MachineFault.Deadline, limit),
            QemuEndedException when outOfMemory is not null => (MachineFault.HostOutOfMemory, outOfMemory),
            QemuEndedException ended => (MachineFault.QemuExited, new MachineExit(MachineExitReason.QemuExited, ended.ExitCode, "").ToString()),
            _ => (MachineFault.GuestNotReady, reason.Message),
        };
        if (FindLackOfMemory(fault) is { } lack)
            (fault, what) = (MachineFault.GuestOutOfMemory, $"{what}; {lack}");
        FailureText text = new FailureText($"Machine '{Name}' (image {Spec.Image}) did not start: {what}.").Add("Waited for", phase);
        if (_guest.UnansweredWay is { } way)
            text.Add("Way in", _record.Mask.Apply(way));
        if (reason is AgentException { Output: { Length: > 0 } output })
            text.Add("Output", output);
        // Where no script has failed, its advice would mislead.
        return new MachineStartException(Facts(), fault, text.Try(reason is AgentException { Output: null } ? null : StartAdvice.For(fault)), reason);
    }
}
