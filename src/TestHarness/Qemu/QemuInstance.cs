using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>A QEMU process with the three connections that it opens to us: monitor, serial console, agent port.</summary>
internal sealed class QemuInstance : IAsyncDisposable
{
    private QemuInstance(QemuProcess process) => Process = process;

    public QemuProcess Process { get; }

    public QmpClient Monitor { get; private set; } = null!;

    public Stream Serial { get; private set; } = null!;

    public Stream Agent { get; private set; } = null!;

    /// <summary>Starts QEMU; returns once the monitor answers. The guest's processors stand still until <c>cont</c>.</summary>
    /// <param name="program">The QEMU program.</param>
    /// <param name="arguments">Its arguments, made for <see cref="MachineChannels.Library"/>.</param>
    /// <param name="folder">The machine's folder.</param>
    /// <param name="started">Told the process as soon as there is one, so that a failure can tell its last words.</param>
    /// <param name="eventReceived">Called for each event of the monitor, on its reader.</param>
    /// <param name="cancellationToken">Ends the wait; the process is killed.</param>
    /// <exception cref="QemuEndedException">QEMU ended.</exception>
    public static async Task<QemuInstance> StartAsync(
        string program,
        IReadOnlyList<string> arguments,
        string folder,
        Action<QemuProcess> started,
        Action<QmpEvent> eventReceived,
        CancellationToken cancellationToken)
    {
        using var monitor = new ListeningSocket(Path.Combine(folder, MachineFileNames.MonitorSocket));
        using var serial = new ListeningSocket(Path.Combine(folder, MachineFileNames.SerialSocket));
        using var agent = new ListeningSocket(Path.Combine(folder, MachineFileNames.AgentSocket));
        var instance = new QemuInstance(await QemuProcess.StartAsync(program, arguments, folder).ConfigureAwait(false));
        started(instance.Process);
        try
        {
            await instance.ConnectAsync(monitor, serial, agent, eventReceived, cancellationToken).ConfigureAwait(false);
            return instance;
        }
        catch
        {
            await instance.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Kills QEMU and closes the connections; returns once the process is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync().ConfigureAwait(false);
        if (Monitor is not null)
            await Monitor.DisposeAsync().ConfigureAwait(false);
        if (Serial is not null)
            await Serial.DisposeAsync().ConfigureAwait(false);
        if (Agent is not null)
            await Agent.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ConnectAsync(
        ListeningSocket monitor,
        ListeningSocket serial,
        ListeningSocket agent,
        Action<QmpEvent> eventReceived,
        CancellationToken cancellationToken)
    {
        // QEMU's end cancels the waits for its connections.
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task connected = ConnectAllAsync(monitor, serial, agent, eventReceived, wait.Token);
        await Task.WhenAny(connected, Process.Exited).ConfigureAwait(false);
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
        ListeningSocket serial,
        ListeningSocket agent,
        Action<QmpEvent> eventReceived,
        CancellationToken cancellationToken)
    {
        Task<Stream>[] accepted = [monitor.AcceptAsync(cancellationToken), serial.AcceptAsync(cancellationToken), agent.AcceptAsync(cancellationToken)];
        Monitor = new QmpClient(await accepted[0].ConfigureAwait(false), eventReceived);
        Serial = await accepted[1].ConfigureAwait(false);
        Agent = await accepted[2].ConfigureAwait(false);
        await Monitor.NegotiateAsync(cancellationToken).ConfigureAwait(false);
    }
}
