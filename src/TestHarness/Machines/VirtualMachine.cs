using System.Net;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// A real machine in QEMU, thrown away when it is disposed.
/// <see cref="StartAsync(MachineSpec, IProgress{StartProgress}, CancellationToken)"/> describes and starts one in a step.
/// </summary>
public sealed partial class VirtualMachine : IAsyncDisposable
{
    private static int _count;

    private readonly MachineLife _life = new();
    private readonly MachineOperations _operations;
    private readonly GuestSession _guest;
    private readonly MachineKeeper _keeper;
    private readonly MachineStarter _starter;
    private readonly MachineEnding _ending;
    private readonly DelayedDispose _delayed;
    private readonly EvidenceCollector _evidence;
    private readonly TestView _view;
    private readonly SshDoor _ssh;
    private readonly Standstill _standstill;
    private readonly Checkpoints _checkpoints;
    private readonly TestSteps _steps;
    private readonly Forks _forks;
    private readonly Wiring? _wiring;

    /// <summary>Describes a machine; starts nothing and touches no file.</summary>
    /// <param name="spec">The machine.</param>
    /// <exception cref="ArgumentException">The spec has mistakes; all are named.</exception>
    public VirtualMachine(MachineSpec spec)
        : this(spec, hostname: spec?.Hostname ?? "", given: null, wiring: null) { }

    /// <summary>
    /// Describes a machine that a template is made of, one that goes on from a saved one, or an heir of a fork with a name of its own.
    /// </summary>
    internal VirtualMachine(MachineSpec spec, GivenStart given)
        : this(spec, given.HostnameOf(spec), given, wiring: null) { }

    /// <summary>Describes a machine of a cluster.</summary>
    internal VirtualMachine(MachineSpec spec, Wiring wiring)
        : this(spec, hostname: spec.Hostname, given: null, wiring) { }

    // Host name: empty for the machine's own name, null for the image's.
    private VirtualMachine(MachineSpec spec, string? hostname, GivenStart? given, Wiring? wiring)
    {
        ArgumentNullException.ThrowIfNull(spec);
        SpecValidation.Check(spec);
        Spec = spec;
        Name = MachineName.Make(spec.Hostname ?? spec.Image, Interlocked.Increment(ref _count));
        var record = new MachineRecord(spec.Secrets, Clock.System);
        _operations = new MachineOperations(Name, spec, record, new Operated(this));
        _wiring =
            given is { MakesTemplate: true } || spec.CardsOnNetworks.Count == 0
                ? null
                : wiring ?? Wiring.Alone(Name, spec, isHeir: given is not null);
        var settler = new GuestSettler(
            hostname is "" ? Name : hostname,
            spec.Clock,
            Clock.System,
            _wiring is { } own ? isNew => isNew ? own.Tell(_starter!.CardsBefore) : own.TellNames() : null,
            _wiring is null ? null : () => _wiring.Behind()
        );
        settler.ClockLate += late =>
            record.NoteGuest(
                "clock",
                late,
                "the guest got it late, each time it was tried, and may be behind by as much: the host, or the guest, is too busy"
            );
        _guest = new GuestSession(settler);
        var watch = new GuestWatch(() => (Folder, _keeper!.Run?.BaseFilesInWords ?? ""), Clock.System)
        {
            AlwaysBoots = spec.GuestAccess == GuestAccess.None,
        };
        Console = new SerialConsole(_operations);
        SerialPorts = [Console, .. spec.SerialPorts.Select((name, index) => new SerialConsole(_operations, name, index + 1))];
        Console.Received += bytes => watch.SeeSerial(bytes.Span);
        Console.Received += record.FollowBytes();
        Shell = new Shell(_operations, _guest);
        Screen = new Screen(_operations, Shell, () => _guest.HasAnswered);
        Files = new GuestFiles(_operations, _guest, Shell);
        Metadata = new MetadataService(_operations, _guest);
        _ssh = new SshDoor(_operations, Shell);
        _view = new TestView(Console);
        var boot = new GuestBoot(_operations, _life, _guest, watch, _ssh, token => _evidence!.TryCaptureAsync(token));
        _keeper = new MachineKeeper(_operations, _life, _guest, watch, boot, SerialPorts);
        _standstill = new Standstill(_operations, _life, _guest, _keeper.Ended);
        _checkpoints = new Checkpoints(_operations, _standstill, SetLinksAsync);
        _steps = new TestSteps(_operations, _checkpoints);
        _evidence = new EvidenceCollector(_operations, _keeper, _view, watch, SerialPorts, Screen, _steps, _wiring);
        _delayed = new DelayedDispose(this, record, () => IsUp, _keeper.Ended);
        _starter = new MachineStarter(
            _operations,
            _keeper,
            _ssh,
            new GuestReaches(_operations, _guest),
            new StartFailure(_operations, _life, _guest, watch, Console),
            Console,
            new SetupRunner(this),
            given,
            _wiring
        );
        _forks = new Forks(_operations, new LiveSaver(_operations, _keeper, _standstill, _checkpoints, SerialPorts));
        _ending = new MachineEnding(_keeper, new Listeners(this, record, () => Starting, () => Stopping));
    }

    /// <summary>
    /// Raised when any machine of this process begins to start, with the starter's execution context. The start waits for a listener, 10
    /// seconds at most; what it throws ends the start.
    /// </summary>
    public static event Action<VirtualMachine>? Starting;

    /// <summary>
    /// Happens before a running machine is ended by the library, while it can still be looked at. A listener may dispose the machine. It is
    /// waited for, 10 seconds at most; what it throws comes out of the call that ends the machine, which is gone by then.
    /// </summary>
    public event Func<VirtualMachine, Task>? Stopping;

    /// <summary>
    /// Gets the machine's name, unique in this process: <see cref="MachineSpec.Hostname"/>, or else the image's name, and a number.
    /// </summary>
    public string Name { get; }

    /// <summary>Gets what the machine was described as.</summary>
    public MachineSpec Spec { get; }

    /// <summary>Gets where the machine is in its life.</summary>
    public MachineState State => _delayed.IsGivenBack ? MachineState.Stopped : _life.State;

    /// <summary>Gets QEMU's process id on the host, or <see langword="null"/> before it is started.</summary>
    public int? ProcessId => _keeper.Run?.Process?.Id;

    /// <summary>Gets how the machine ended, or <see langword="null"/> while it has not.</summary>
    public MachineExit? Exit => _life.Exit ?? (_delayed.IsGivenBack ? new MachineExit(MachineExitReason.Killed, 0, "") : null);

    /// <summary>Gets a value indicating whether the machine was restored from a warm template, and did not boot.</summary>
    public bool IsWarm => _keeper.Run?.Template is not null;

    /// <summary>Gets why a machine that was to start warm booted, or <see langword="null"/>.</summary>
    public string? StartNote => _starter.Note;

    /// <summary>
    /// Gets what ended the attempts to start that failed before the one that did not (<see cref="MachineSpec.StartRetries"/>).
    /// </summary>
    public IReadOnlyList<string> FailedStarts => _starter.Failed;

    /// <summary>Gets the way in that was taken, or <see langword="null"/> before the guest has answered.</summary>
    public GuestAccess? Access => _guest.Access;

    /// <summary>Gets the shell: commands in the guest.</summary>
    public Shell Shell { get; }

    /// <summary>Gets the file sync: to the guest and back.</summary>
    public GuestFiles Files { get; }

    /// <summary>Gets the serial console.</summary>
    public SerialConsole Console { get; }

    /// <summary>Gets the screen.</summary>
    public Screen Screen { get; }

    /// <summary>Gets the metadata service: what answers at <c>http://169.254.169.254/</c> inside the guest.</summary>
    public MetadataService Metadata { get; }

    /// <summary>
    /// Gets what others need to join the machine over SSH: there where <see cref="Access"/> is <see cref="GuestAccess.Ssh"/>, and after
    /// <see cref="OpenSshAsync"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is not open.</exception>
    public SshDetails Ssh => _ssh.Details;

    // The console first; in the order of the guest's devices.
    private IReadOnlyList<SerialConsole> SerialPorts { get; }

    private bool IsUp =>
        _delayed.IsGivenBack
            ? _keeper.Run?.Process is { Exited.IsCompleted: false } && !_life.IsKilled && !_keeper.Ended.IsCancellationRequested
            : State is MachineState.Running or MachineState.Paused && Exit is null;

    /// <summary>
    /// Starts the machine, once; returns when the guest is up, answers, and has confirmed clock, random state and host name.
    /// </summary>
    /// <param name="progress">Told each step, also of an image or a template that is made first, on a thread of its own. What it throws
    /// ends the start. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machine.</param>
    /// <returns>A task for the start.</returns>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="ImageException">There is no such image, or it could not be built.</exception>
    /// <exception cref="MachineStartException">QEMU or the guest did not start.</exception>
    public async Task StartAsync(IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!_life.TryMove(MachineState.Created, MachineState.Starting))
            throw new InvalidOperationException(
                $"Machine '{Name}' was started before (it is {State}): make another one with the same spec."
            );
        await _starter.RunAsync(_ending, progress, cancellationToken).ConfigureAwait(false);
        _view.ShowFromNow("since the machine was up");
    }

    /// <summary>
    /// Shuts the guest down in an orderly way and waits until QEMU has ended; kills it when <see cref="MachineSpec.StopTimeout"/> runs out.
    /// Does nothing where the machine has ended already.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the machine goes on shutting down.</param>
    /// <returns>How the machine ended: <see cref="MachineExitReason.Killed"/> where it had to be killed.</returns>
    public async Task<MachineExit> StopAsync(CancellationToken cancellationToken = default)
    {
        if (State == MachineState.Created)
            throw NotStarted();
        if (Exit is { } ended)
            return ended;
        _operations.Record.NoteEnd("stop");
        await _ending.TellStoppingAsync().ConfigureAwait(false);
        try
        {
            using Deadline limit = _operations.Time.Limit(_operations.Limits.Stop, cancellationToken);
            await _standstill.GoOnIfPausedAsync(limit.Token).ConfigureAwait(false);
            // The power button of a guest that nobody can ask (ACPI).
            await (
                Spec.GuestAccess != GuestAccess.None
                    ? _guest.PowerOffAsync(limit.Token)
                    : Monitor.ExecuteAsync("system_powerdown", null, limit.Token)
            ).ConfigureAwait(false);
            await _keeper.ExitWatch.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is OperationCanceledException or AgentLostException or AgentException or QmpException
                && !cancellationToken.IsCancellationRequested
            )
        {
            // The guest did not go by itself; the exit that is returned tells.
            await _keeper.EndAsync().ConfigureAwait(false);
        }

        return KilledExit();
    }

    /// <summary>Ends QEMU at once, as a power cut would; returns when the process is gone. The guest is not asked.</summary>
    /// <returns>How the machine ended.</returns>
    public async Task<MachineExit> KillAsync()
    {
        if (State == MachineState.Created)
            throw NotStarted();
        _operations.Record.NoteEnd("kill");
        await _ending.CutStartAsync().ConfigureAwait(false);
        await _ending.EndAsync().ConfigureAwait(false);
        return KilledExit();
    }

    /// <summary>
    /// Ends QEMU at once and removes everything that the machine kept on the host. May be called twice, at any time, also during the start.
    /// </summary>
    /// <returns>A task that ends when the process is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        if (await _delayed.TryAsync().ConfigureAwait(false))
            return;
        DelayedEnds.OfMachines.Remove(this);
        if (State is not (MachineState.Created or MachineState.Stopped))
            _operations.Record.NoteEnd("dispose");
        await _ending.CutStartAsync().ConfigureAwait(false);
        await _ending.EndAsync().ConfigureAwait(false);
    }

    /// <summary>Returns the image's name, which test lists show.</summary>
    /// <returns>The image's name.</returns>
    public override string ToString() => Spec.Image;

    // A machine whose start failed has no end of its own.
    private MachineExit KilledExit() => _life.End(new MachineExit(MachineExitReason.Killed, 0, ""));

    private InvalidOperationException NotStarted() => new($"Machine '{Name}' is not started: call StartAsync first.");
}
