using System.Net;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;

namespace TestHarness;

/// <summary>
/// A real machine in QEMU, thrown away when it is disposed. <see cref="StartAsync(MachineSpec, IProgress{StartProgress}, CancellationToken)"/> describes
/// and starts one in a step.
/// </summary>
public sealed partial class VirtualMachine : IAsyncDisposable
{
    private static int _count;

    private readonly MachineLife _life = new();
    private readonly MachineRecord _record;
    private readonly MachineOperations _operations;
    private readonly GuestSession _guest;
    private string? _folder;

    /// <summary>Describes a machine; starts nothing and touches no file.</summary>
    /// <param name="spec">The machine.</param>
    /// <exception cref="ArgumentException">The spec has mistakes; all are named.</exception>
    public VirtualMachine(MachineSpec spec)
        : this(spec, hostname: spec?.Hostname ?? "")
    {
    }

    // Host name: empty for the machine's own name, null for the image's.
    private VirtualMachine(MachineSpec spec, string? hostname)
    {
        ArgumentNullException.ThrowIfNull(spec);
        SpecValidation.Check(spec);
        Spec = spec;
        Name = MachineName.Make(spec.Hostname ?? spec.Image, Interlocked.Increment(ref _count));
        _record = new MachineRecord(spec.Secrets, TimeProvider.System);
        _listeners = new Listeners(this, _record);
        _delayed = new DelayedDispose(this, _record, () => IsUp);
        _over = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token, _delayed.GivenBack);
        _operations = new MachineOperations(Name, spec, _record, new Operated(this));
        var settler = new GuestSettler(hostname is "" ? Name : hostname, spec.Clock, TimeProvider.System);
        settler.ClockLate += late => _record.NoteGuest(
            "clock", late, "the guest got it late, each time it was tried, and may be behind by as much: the host, or the guest, is too busy");
        _guest = new GuestSession(settler);
        _standstill = new Standstill(_operations, _life, _guest, _ended.Token);
        _checkpoints = new Checkpoints(_operations, _standstill);
        _watch = new GuestWatch(() => (Folder, _baseFiles?.ToString() ?? ""), TimeProvider.System) { AlwaysBoots = spec.GuestAccess == GuestAccess.None };
        _reaches = new GuestReaches(_operations, _guest);
        _troubles = new GuestTroubles(_guest, _watch, () => RebootsOnPanic, BreakAsync);
        Console = new SerialConsole(_operations);
        _serials = [Console, .. spec.SerialPorts.Select((name, index) => new SerialConsole(_operations, name, index + 1))];
        Console.Received += bytes => _watch.SeeSerial(bytes.Span);
        Console.Received += _record.FollowBytes();
        Shell = new Shell(_operations, _guest);
        Screen = new Screen(_operations, Shell, () => _guest.HasAnswered);
        Files = new GuestFiles(_operations, _guest, Shell);
        Metadata = new MetadataService(_operations, _guest);
    }

    /// <summary>
    /// Raised when any machine of this process begins to start, with the starter's execution context. The start waits for a listener, 10 seconds at most; what it throws ends the start.
    /// </summary>
    public static event Action<VirtualMachine>? Starting;

    /// <summary>
    /// Happens before a running machine is ended by the library, while it can still be looked at. A listener may dispose the machine. It is waited for, 10 seconds at most; what
    /// it throws comes out of the call that ends the machine, which is gone by then.
    /// </summary>
    public event Func<VirtualMachine, Task>? Stopping;

    /// <summary>Gets the machine's name, unique in this process: <see cref="MachineSpec.Hostname"/>, or else the image's name, and a number.</summary>
    public string Name { get; }

    /// <summary>Gets what the machine was described as.</summary>
    public MachineSpec Spec { get; }

    /// <summary>Gets where the machine is in its life.</summary>
    public MachineState State => _delayed.IsGivenBack ? MachineState.Stopped : _life.State;

    /// <summary>Gets QEMU's process id on the host, or <see langword="null"/> before it is started.</summary>
    public int? ProcessId => _process?.Id;

    /// <summary>Gets how the machine ended, or <see langword="null"/> while it has not.</summary>
    public MachineExit? Exit => _life.Exit ?? (_delayed.IsGivenBack ? new MachineExit(MachineExitReason.Killed, 0, "") : null);

    /// <summary>Gets the shell: commands in the guest.</summary>
    public Shell Shell { get; }

    /// <summary>Gets the file sync: to the guest and back.</summary>
    public GuestFiles Files { get; }

    /// <summary>Gets the serial console.</summary>
    public SerialConsole Console { get; }

    /// <summary>Gets the screen.</summary>
    public Screen Screen { get; }

    /// <summary>Gets the ports that are open on the host.</summary>
    internal IReadOnlyList<ForwardedPort> Forwards => _forwards;

    /// <summary>Gets what operations on the machine go through.</summary>
    internal MachineOperations Operations => _operations;

    internal string Folder => _folder ?? throw NotStarted();

    /// <summary>The folder above, which QEMU can't write to.</summary>
    internal string OwnFolder => _operations.OwnFolder;

    internal QmpClient Monitor => _instance?.Monitor ?? throw NotStarted();

    /// <summary>Tells where a forwarded port of the guest is on the host.</summary>
    /// <param name="guestPort">The guest's port, one of <see cref="MachineSpec.PortForwards"/>.</param>
    /// <param name="protocol">The protocol.</param>
    /// <returns>The address on 127.0.0.1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The port is not forwarded.</exception>
    public IPEndPoint GetForwardedEndPoint(int guestPort, ForwardProtocol protocol = ForwardProtocol.Tcp) =>
        _forwards.FirstOrDefault(forward => forward.GuestPort == guestPort && forward.Protocol == protocol)?.Host
        ?? throw new ArgumentOutOfRangeException(
            nameof(guestPort),
            guestPort,
            $"Machine '{Name}' forwards no {protocol} port {guestPort}: add new PortForward({guestPort}) to MachineSpec.PortForwards before the start.");

    /// <summary>Returns the image's name, which test lists show.</summary>
    /// <returns>The image's name.</returns>
    public override string ToString() => Spec.Image;

    private InvalidOperationException NotStarted() => new($"Machine '{Name}' is not started: call StartAsync first.");
}
