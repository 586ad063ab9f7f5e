using System.Net;
using TestHarness.Access;
using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness;

// What is done to a machine that runs.
public sealed partial class VirtualMachine
{
    private static readonly TimeSpan ForwardLimit = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan HoldOpens = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Happens for each line that the serial console shows or a command in the guest writes, when it comes, without the secrets and
    /// otherwise as the guest wrote it: escape sequences and all. Each receiver is called apart, in order, never two calls at a time;
    /// nothing waits for it but the end of a command, for a second at most. For lines that one is too slow for (4,096 may wait) it gets a
    /// line <c>[… N lines dropped …]</c>. The first exception of each is in the machine's timeline.
    /// </summary>
    public event Action<VirtualMachine, string>? LineReceived
    {
        add
        {
            if (value is not null)
                _operations.Record.Followers.Add(value, line => value(this, line));
        }
        remove => _operations.Record.Followers.Remove(value);
    }

    /// <summary>
    /// Gets QEMU's command line as a start would have it; builds or fetches the image where it is not there, and starts nothing.
    /// </summary>
    internal async Task<string> PreviewAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        await _starter.PrepareAsync(progress, cancellationToken).ConfigureAwait(false);
        MachinePlan plan = _starter.Plan!;
        return ShellQuote.Join([plan.Program, .. plan.Arguments(Name)]);
    }

    /// <summary>Tells where a forwarded port of the guest is on the host.</summary>
    /// <param name="guestPort">The guest's port, one of <see cref="MachineSpec.PortForwards"/>.</param>
    /// <param name="protocol">The protocol.</param>
    /// <returns>The address on 127.0.0.1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The port is not forwarded.</exception>
    public IPEndPoint GetForwardedEndPoint(int guestPort, ForwardProtocol protocol = ForwardProtocol.Tcp) =>
        Forwards.FirstOrDefault(forward => forward.GuestPort == guestPort && forward.Protocol == protocol)?.Host
        ?? throw new ArgumentOutOfRangeException(
            nameof(guestPort),
            guestPort,
            $"Machine '{Name}' forwards no {protocol} port {guestPort}: add new PortForward({guestPort}) to "
                + "MachineSpec.PortForwards before the start."
        );

    /// <summary>Returns a serial port beside the console.</summary>
    /// <param name="name">Its name, one of <see cref="MachineSpec.SerialPorts"/>.</param>
    /// <returns>The port, with a log of its own.</returns>
    /// <exception cref="ArgumentException">There is no such port; those that there are, are named.</exception>
    public SerialConsole GetSerialPort(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (SerialPorts.FirstOrDefault(port => port.Name == name) is { } found)
            return found;
        string known = Spec.SerialPorts.Count == 0 ? "none" : string.Join(", ", Spec.SerialPorts.Select(port => $"\"{port}\""));
        throw new ArgumentException(
            $"Machine '{Name}' has no serial port \"{name}\": add it to MachineSpec.SerialPorts before the start. There: {known}.",
            nameof(name)
        );
    }

    /// <summary>
    /// Waits until a forwarded TCP port really answers: something in the guest listens, and a connection by the host's port brings bytes or
    /// stays open for 100 ms. An accepted connection proves nothing, since QEMU accepts on the guest's behalf. The service sees the
    /// connections that ask.
    /// </summary>
    /// <param name="guestPort">The guest's port, one of <see cref="MachineSpec.PortForwards"/>.</param>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Where the port is on the host.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The port is not forwarded.</exception>
    /// <exception cref="WaitTimeoutException">It did not answer in time; says what was seen last.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<IPEndPoint> WaitForForwardAsync(int guestPort, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var answer = new ForwardAnswer(_guest, guestPort, GetForwardedEndPoint(guestPort));
        return _operations.GuardAsync(
            $"the guest's TCP port {guestPort} to answer on {answer.Host}",
            timeout ?? _operations.Scaled(ForwardLimit),
            answer.WaitAsync,
            cancellationToken,
            () => answer.LastSeen
        );
    }

    /// <summary>
    /// Opens the machine to others over SSH, whichever way the library itself takes: makes a key, lets it in for a user, learns the guest's
    /// host key from the guest itself, and forwards a port of 127.0.0.1. The image needs an sshd that runs.
    /// </summary>
    /// <param name="user">The user. Default: <see langword="null"/>, <c>root</c>, or who the library itself logs in as.</param>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is needed to join; <see cref="Ssh"/> is that, too, from then on.</returns>
    /// <exception cref="GuestCommandException">The guest has no such user, or no sshd.</exception>
    /// <exception cref="InvalidOperationException">The machine has no network.</exception>
    /// <exception cref="WaitTimeoutException">sshd did not answer in time.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<SshDetails> OpenSshAsync(string? user = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        _ssh.OpenAsync(user, timeout, cancellationToken);

    /// <summary>
    /// Restarts the guest in an orderly way; returns when it is up and answers. The disk stays, and the serial log goes on.
    /// </summary>
    /// <param name="timeout">The limit. Default: <see cref="MachineSpec.StopTimeout"/> and <see cref="MachineSpec.StartTimeout"/>
    /// together.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the restart.</returns>
    /// <exception cref="WaitTimeoutException">The guest did not come back in time.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task RebootAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        _operations.GuardAsync(
            "the guest to come back from a reboot",
            timeout ?? _operations.Limits.Stop + _operations.Limits.Start,
            RebootCoreAsync,
            cancellationToken
        );

    private async Task<bool> RebootCoreAsync(CancellationToken cancellationToken)
    {
        await _standstill.GoOnIfPausedAsync(cancellationToken).ConfigureAwait(false);
        await _guest.RebootAsync(cancellationToken).ConfigureAwait(false);
        await _life.Returned.WaitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// Makes the guest stand still: its processors execute nothing, its memory stays. Does nothing where it does so already. Commands wait
    /// until it goes on.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the guest comes to stand still all the same.</param>
    /// <returns>A task that ends when it stands still.</returns>
    /// <exception cref="InvalidOperationException">The machine was not started, or is on its way up.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task PauseAsync(CancellationToken cancellationToken = default) =>
        State is MachineState.Starting
            ? throw new InvalidOperationException(
                $"Machine '{Name}' can't be paused while it is {MachineState.Starting}: wait for {nameof(StartAsync)}."
            )
            : _standstill.StopAsync("the guest to pause", cancellationToken);

    /// <summary>
    /// Lets a paused guest go on, with the clock and random state of now. A clock of its own (<see cref="MachineSpec.Clock"/>) goes on from
    /// where it stood still.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; the guest goes on all the same.</param>
    /// <returns>A task that ends when the guest answers.</returns>
    /// <exception cref="InvalidOperationException">The machine is not paused.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default) =>
        State is MachineState.Paused or MachineState.Stopped
            ? _standstill.GoOnAsync("a paused guest to go on", begins: false, cancellationToken)
            : throw new InvalidOperationException($"Machine '{Name}' is not paused (it is {State}): call {nameof(PauseAsync)} first.");

    /// <summary>
    /// Keeps the machine as it is now, memory, devices and disks together, under a name. It goes with the machine. The guest stands still
    /// meanwhile; commands that run go on. A paused machine stays paused.
    /// </summary>
    /// <param name="name">The name; a checkpoint of that name is replaced.</param>
    /// <param name="cancellationToken">Ends the wait; the checkpoint is made all the same.</param>
    /// <returns>A task for the checkpoint.</returns>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    /// <exception cref="MonitorException">A device of the machine can't be saved.</exception>
    public Task CheckpointAsync(string name, CancellationToken cancellationToken = default) =>
        _checkpoints.SaveAsync(name, cancellationToken);

    /// <summary>
    /// Puts the machine back to a checkpoint: memory, devices and disks. Clock and random state are then made those of now. Commands that
    /// were running are lost; shell, console and screen work on, and the serial log keeps what it has. A paused machine stays paused, as it
    /// was at the checkpoint; <see cref="ResumeAsync"/> gives it clock and random state.
    /// </summary>
    /// <param name="name">The checkpoint's name. It stays, and can be gone back to again.</param>
    /// <param name="cancellationToken">Ends the wait; the machine goes back all the same.</param>
    /// <returns>A task that ends when the guest answers, or stands still where it was paused.</returns>
    /// <exception cref="ArgumentException">There is no such checkpoint; those that there are, are named.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task RollbackAsync(string name, CancellationToken cancellationToken = default) =>
        _checkpoints.LoadAsync(name, cancellationToken);

    /// <summary>Collects what is known of the machine on the host; of one that has ended, too. Asks nothing of the guest.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence; without a screenshot where none can be had within a second.</returns>
    public Task<MachineEvidence> CollectEvidenceAsync(CancellationToken cancellationToken = default) =>
        _evidence.CollectAsync(cancellationToken);

    /// <summary>
    /// Collects what is known of the machine and writes it into a folder (<see cref="MachineEvidence.SaveAsync"/>). A machine that runs is
    /// asked for the end of its journal, for at most 10 seconds, and for the files of <see cref="MachineSpec.CollectOnFailure"/>, for at
    /// most 30; they go below <c>files/</c>. Both limits are longer where the accelerator is slow.
    /// </summary>
    /// <param name="folder">The folder, which is made.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence. What the guest did not give is in its notes.</returns>
    public Task<MachineEvidence> SaveEvidenceAsync(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return _evidence.SaveAsync(folder, IsUp && _life.State is MachineState.Running ? _guest : null, cancellationToken);
    }

    /// <summary>
    /// Tells that a test begins to use the machine. From now on messages of failures show only what the console has written since, and name
    /// files of the test's evidence in place of QEMU's command line. For test frameworks; may be called before the start, too.
    /// </summary>
    /// <param name="evidenceFolder">
    /// Names the folder that <see cref="SaveEvidenceAsync"/> writes to if the test fails, or <see langword="null"/> where it will not. It
    /// is called when a failure is told.
    /// </param>
    public void BeginTest(Func<string?> evidenceFolder)
    {
        ArgumentNullException.ThrowIfNull(evidenceFolder);
        _view.KeepEvidenceIn(evidenceFolder);
        _steps.BeginTest();
        if (State is not (MachineState.Created or MachineState.Starting))
            _view.ShowFromNow("since the test began");
    }

    /// <summary>
    /// Opens ways into the running machine for a person: a shell, the serial console, the screen. Everything of it is in the machine's run
    /// folder.
    /// </summary>
    /// <param name="cancellationToken">Ends the opening.</param>
    /// <returns>The hold; the caller prints its instructions, awaits <see cref="MachineHold.Released"/> and disposes it.</returns>
    /// <exception cref="MachineExitedException">The machine is not running.</exception>
    public async Task<MachineHold> HoldAsync(CancellationToken cancellationToken = default)
    {
        _delayed.LookOn();
        return await _operations
            .GuardAsync(
                "ways into the machine to open",
                HoldOpens,
                async token =>
                {
                    string? viewer = QemuArguments.HasDisplay(Spec) ? await TryOpenViewerAsync(token).ConfigureAwait(false) : null;
                    return MachineHold.Open(this, _guest, _steps, viewer, _keeper.Ended);
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    // A QEMU that can't open a viewer (before 7.1) holds its machines all the same; the refusal is in the timeline.
    private async Task<string?> TryOpenViewerAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await Screen.OpenViewerAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (MonitorException)
        {
            return null;
        }
    }

    /// <summary>
    /// Lets <see cref="DisposeAsync"/> leave the machine running until the returned object is disposed, which then ends it. For test
    /// frameworks, which know only after a test whether somebody wants to look at its machines. To others the machine has ended:
    /// <see cref="State"/> says so, and calls fail. At most four machines of a process wait like that; all end at once when anybody waits
    /// for room on the host. <see cref="KillAsync"/> acts at once all the same.
    /// </summary>
    /// <returns>The delay; may be disposed twice.</returns>
    public IAsyncDisposable DelayDispose() => _delayed.Delay();
}
