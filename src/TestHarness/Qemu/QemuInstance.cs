using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>A QEMU process with the connections that it opens to us: monitor and agent port, and the serial ports' pipes.</summary>
internal sealed class QemuInstance : IAsyncDisposable
{
    private QemuInstance(QemuProcess process, IReadOnlyList<SerialPipe> serials) => (Process, Serials) = (process, serials);

    public QemuProcess Process { get; }

    public QmpClient Monitor { get; private set; } = null!;

    /// <summary>The serial ports: the console, then the others.</summary>
    public IReadOnlyList<SerialPipe> Serials { get; }

    public Stream Agent { get; private set; } = null!;

    /// <summary>The port of the QEMU guest agent, where the machine has it.</summary>
    public Stream? GuestAgent { get; private set; }

    /// <summary>Starts QEMU; returns once the monitor answers. The guest's processors stand still until <c>cont</c>.</summary>
    /// <param name="program">The QEMU program.</param>
    /// <param name="arguments">Its arguments, made for <see cref="MachineChannels.Library"/>.</param>
    /// <param name="folder">The machine's folder.</param>
    /// <param name="hasGuestAgent">Whether the arguments have a port for the QEMU guest agent.</param>
    /// <param name="serialPorts">How many serial ports it has.</param>
    /// <param name="cards">The cards on networks, as they are in the arguments.</param>
    /// <param name="deviceGroup">The group that QEMU's user needs for KVM (<see cref="AcceleratorChoice.DeviceGroup"/>).</param>
    /// <param name="started">Told the process as soon as there is one, so that a failure can tell its last words.</param>
    /// <param name="eventReceived">Called for each event of the monitor, on its reader.</param>
    /// <param name="cancellationToken">Ends the wait; the process is killed.</param>
    /// <exception cref="QemuEndedException">QEMU ended.</exception>
    /// <exception cref="QmpException">It did not greet in time, or said something else on its monitor than QEMU does.</exception>
    public static async Task<QemuInstance> StartAsync(
        string program,
        IReadOnlyList<string> arguments,
        string folder,
        bool hasGuestAgent,
        int serialPorts,
        IReadOnlyList<CardPlug> cards,
        uint? deviceGroup,
        Action<QemuProcess> started,
        Action<QmpEvent> eventReceived,
        CancellationToken cancellationToken
    )
    {
        // Of a QEMU before this one.
        QemuUser.TakeBack(folder);
        using var monitor = new ListeningSocket(Path.Combine(folder, MachineFileNames.MonitorSocket));
        using var agent = new ListeningSocket(Path.Combine(folder, MachineFileNames.AgentSocket));
        using ListeningSocket? guestAgent = hasGuestAgent
            ? new ListeningSocket(Path.Combine(folder, MachineFileNames.GuestAgentSocket))
            : null;
        List<ListeningSocket?> cables = [];
        SerialPipe[] serials = [.. Enumerable.Range(0, serialPorts).Select(index => new SerialPipe(folder, index))];
        QemuInstance? instance = null;
        try
        {
            foreach ((int index, CardPlug card) in cards.Index())
                cables.Add(card.Connected is null ? null : new ListeningSocket(Path.Combine(folder, MachineFileNames.CardSocket(index))));
            QemuUser.HandOver(folder);
            instance = new QemuInstance(
                await QemuProcess.StartAsync(program, arguments, folder, deviceGroup).ConfigureAwait(false),
                serials
            );
            started(instance.Process);
            await instance
                .ConnectAsync(monitor, agent, guestAgent, [.. cards.Zip(cables)], eventReceived, cancellationToken)
                .ConfigureAwait(false);
            return instance;
        }
        catch
        {
            if (instance is not null)
                await instance.DisposeAsync().ConfigureAwait(false);
            foreach (SerialPipe serial in serials)
                serial.Dispose();
            throw;
        }
        finally
        {
            foreach (ListeningSocket? cable in cables)
                cable?.Dispose();
        }
    }

    /// <summary>
    /// Kills QEMU and closes the connections; returns once the process is gone. The serial pipes stay for what is still in them.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync().ConfigureAwait(false);
        if (Monitor is not null)
            await Monitor.DisposeAsync().ConfigureAwait(false);
        if (Agent is not null)
            await Agent.DisposeAsync().ConfigureAwait(false);
        if (GuestAgent is not null)
            await GuestAgent.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ConnectAsync(
        ListeningSocket monitor,
        ListeningSocket agent,
        ListeningSocket? guestAgent,
        IReadOnlyList<(CardPlug Card, ListeningSocket? Cable)> cards,
        Action<QmpEvent> eventReceived,
        CancellationToken cancellationToken
    )
    {
        // QEMU's end cancels the waits for its connections.
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task connected = ConnectAllAsync(monitor, agent, guestAgent, cards, eventReceived, wait.Token);
        await Task.WhenAny(connected, Process.Exited).ConfigureAwait(false);
        // Its own last words say more than what it left on the monitor.
        if (connected.Exception?.InnerException is QmpBrokenException)
            await Process.EndsSoonAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        if (!connected.IsCompletedSuccessfully && Process.Exited.IsCompleted)
        {
            await wait.CancelAsync().ConfigureAwait(false);
            await connected.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new QemuEndedException(await Process.Exited.ConfigureAwait(false));
        }

        await connected.ConfigureAwait(false);
    }

    private async Task ConnectAllAsync(
        ListeningSocket monitor,
        ListeningSocket agent,
        ListeningSocket? guestAgent,
        IReadOnlyList<(CardPlug Card, ListeningSocket? Cable)> cards,
        Action<QmpEvent> eventReceived,
        CancellationToken cancellationToken
    )
    {
        using Deadline limit = Clock.System.Limit(QmpClient.DefaultGreetingLimit, cancellationToken);
        try
        {
            Monitor = new QmpClient(await monitor.AcceptAsync(limit.Token).ConfigureAwait(false), eventReceived);
            // QEMU's connection for the agent waits in the backlog: a monitor that is none of QEMU's is told at once.
            await Monitor.NegotiateAsync(limit.Token).ConfigureAwait(false);
            Agent = await agent.AcceptAsync(limit.Token).ConfigureAwait(false);
            if (guestAgent is not null)
                GuestAgent = await guestAgent.AcceptAsync(limit.Token).ConfigureAwait(false);
            foreach ((CardPlug card, ListeningSocket? cable) in cards)
            {
                if (cable is not null)
                    card.Connected!(await cable.AcceptSocketAsync(limit.Token).ConfigureAwait(false));
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new QmpTimeoutException("QEMU's monitor did not greet", QmpClient.DefaultGreetingLimit);
        }
    }
}
