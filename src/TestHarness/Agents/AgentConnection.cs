using System.Security.Cryptography;

namespace TestHarness.Agents;

/// <summary>
/// The connection to the agent in a guest: it comes in step, and carries any number of commands and TCP connections at once. No call has a
/// limit of its own; what is lost (the connection ended, the guest restarted) fails at once with <see cref="AgentLostException"/>.
/// </summary>
internal sealed partial class AgentConnection : IAsyncDisposable
{
    private readonly Stream _transport;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<uint, AgentStream> _streams = [];
    private readonly Dictionary<ulong, TaskCompletionSource> _pings = [];
    private readonly Dictionary<uint, TaskCompletionSource<AgentSettled>> _settles = [];
    private TaskCompletionSource? _power;
    private TaskCompletionSource<AgentHello> _handshake = NewSource<AgentHello>();
    private TaskCompletionSource _stepLost = NewSource();
    private Task? _reader;
    private byte[] _nonce = [];
    private bool _inStep;
    private string? _ended;
    private string _notInStep = "no handshake yet";
    private uint _lastStream;
    private ulong _lastPing;
    private uint _lastSettle;
    private int _restarts;

    /// <summary>Takes over a connected stream; does nothing with it yet.</summary>
    public AgentConnection(Stream transport) => _transport = transport;

    /// <summary>Gets a task that completes when the connection has ended, whoever ended it.</summary>
    public Task Completion => _completion.Task;

    /// <summary>
    /// Waits until the agent is in step, for as long as the guest takes to boot. The first call begins to read; when the agent is new (a
    /// reboot) or the two fell out of step, the connection comes in step again by itself, and this waits for that.
    /// </summary>
    public Task<AgentHello> HandshakeAsync(CancellationToken cancellationToken)
    {
        Task<AgentHello> handshake;
        lock (_gate)
        {
            if (_reader is null && _ended is null)
            {
                QueueHello();
                _reader = Task.Run(ReadLoopAsync, CancellationToken.None);
            }

            handshake = _handshake.Task;
        }

        Flush();
        return handshake.WaitAsync(cancellationToken);
    }

    /// <summary>Waits until an agent that started later than <paramref name="before"/> is in step: the guest has rebooted.</summary>
    public async Task<AgentHello> WaitForRestartAsync(AgentHello before, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
                changed = _stepLost.Task;
            AgentHello now = await HandshakeAsync(cancellationToken).ConfigureAwait(false);
            if (now.Restarts > before.Restarts)
                return now;
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Comes in step anew with an agent that has been put back in time, together with its guest: what was under way is lost, for it knows
    /// nothing of that.
    /// </summary>
    public Task<AgentHello> ComeInStepAgainAsync(string reason, CancellationToken cancellationToken)
    {
        LoseStep(reason);
        return HandshakeAsync(cancellationToken);
    }

    /// <summary>Asks whether the agent answers.</summary>
    public async Task PingAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource pong = NewSource();
        ulong id = SendPing(pong);
        try
        {
            await pong.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
                _pings.Remove(id);
        }
    }

    /// <summary>Starts a command. The caller reads its output (EXIT waits for that), or disposes the streams it does not want.</summary>
    /// <exception cref="AgentException">It could not be started.</exception>
    public async Task<AgentProcess> RunAsync(AgentCommand command, CancellationToken cancellationToken)
    {
        AgentStream stream = await OpenAsync(
                AgentFrameType.Run,
                AgentRequests.Run(command),
                accepted: null,
                cancellationToken,
                command.TakesInput
            )
            .ConfigureAwait(false);
        return new AgentProcess(stream, await stream.Started.ConfigureAwait(false));
    }

    /// <summary>Opens a TCP connection inside the guest.</summary>
    /// <param name="address">An IPv4 or IPv6 address; empty: 127.0.0.1.</param>
    /// <exception cref="AgentException">It could not be opened.</exception>
    public async Task<AgentTcpStream> ConnectAsync(string address, int port, CancellationToken cancellationToken) =>
        new(
            await OpenAsync(AgentFrameType.Connect, AgentRequests.Address(address, port), accepted: null, cancellationToken)
                .ConfigureAwait(false),
            $"{address} {port}"
        );

    /// <summary>Listens on a TCP port inside the guest.</summary>
    /// <param name="address">An IPv4 or IPv6 address; empty: 127.0.0.1.</param>
    /// <param name="port">The port; 0: any that is free.</param>
    /// <exception cref="AgentException">It could not listen.</exception>
    public async Task<AgentListener> ListenAsync(string address, int port, CancellationToken cancellationToken)
    {
        var backlog = new AgentBacklog();
        AgentStream stream = await OpenAsync(AgentFrameType.Listen, AgentRequests.Address(address, port), backlog.Add, cancellationToken)
            .ConfigureAwait(false);
        return new AgentListener(stream, backlog, await stream.Started.ConfigureAwait(false));
    }

    /// <summary>Takes and sends the datagrams of a UDP port inside the guest.</summary>
    /// <param name="address">An IPv4 or IPv6 address; empty: 127.0.0.1.</param>
    /// <param name="port">The port; 0: any that is free.</param>
    /// <exception cref="AgentException">It could not be had.</exception>
    public async Task<AgentDatagrams> BindAsync(string address, int port, CancellationToken cancellationToken)
    {
        var queue = new AgentDatagramQueue();
        AgentStream stream = await OpenAsync(
                AgentFrameType.Bind,
                AgentRequests.Address(address, port),
                accepted: null,
                cancellationToken,
                datagram: queue.Add
            )
            .ConfigureAwait(false);
        return new AgentDatagrams(stream, queue, await stream.Started.ConfigureAwait(false));
    }

    public async ValueTask DisposeAsync()
    {
        End("The connection to the guest's agent was closed.");
        await _closing.CancelAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        if (_reader is { } reader)
            await reader.ConfigureAwait(false);
        _completion.TrySetResult();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static TaskCompletionSource<T> NewSource<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ulong SendPing(TaskCompletionSource pong)
    {
        ulong id;
        lock (_gate)
        {
            ThrowIfNotInStep();
            id = ++_lastPing;
            _pings.Add(id, pong);
            Queue(AgentFrameType.Ping, 0, 0, BitConverter.GetBytes(id));
        }

        Flush();
        return id;
    }

    private async Task<AgentStream> OpenAsync(
        AgentFrameType type,
        byte[] payload,
        Action<AgentStream, string>? accepted,
        CancellationToken cancellationToken,
        bool takesInput = true,
        Action<ReadOnlySpan<byte>>? datagram = null
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        AgentStream? stream;
        while ((stream = TryOpen(type, payload, accepted, datagram, out Task room)) is null)
            await room.WaitAsync(cancellationToken).ConfigureAwait(false);

        // Datagrams are handed on one by one; of their bytes only the window counts.
        if (datagram is not null)
            stream.Output.Dispose();
        if (!takesInput)
            stream.Input.Dispose();
        Flush();
        try
        {
            await stream.Started.WaitAsync(cancellationToken).ConfigureAwait(false);
            return stream;
        }
        catch (OperationCanceledException)
        {
            stream.Kill();
            throw;
        }
    }

    private AgentStream? TryOpen(
        AgentFrameType type,
        byte[] payload,
        Action<AgentStream, string>? accepted,
        Action<ReadOnlySpan<byte>>? datagram,
        out Task room
    )
    {
        lock (_gate)
        {
            ThrowIfNotInStep();
            if (!HasRoom(payload.Length, out room))
                return null;
            do _lastStream = (_lastStream + 1) % AgentProtocol.FirstAccepted;
            while (_lastStream == 0 || _streams.ContainsKey(_lastStream));
            var stream = new AgentStream(this, _lastStream) { Accepted = accepted, Datagram = datagram };
            _streams.Add(stream.Id, stream);
            Queue(type, stream.Id, 0, payload);
            return stream;
        }
    }

    private void ThrowIfNotInStep()
    {
        if (!_inStep)
            throw new AgentLostException(_ended ?? $"The guest's agent is not in step: {_notInStep}.");
        if (_outgoing.WrittenCount > MostUnsent)
            throw new AgentLostException(TakesNothing);
    }

    private void QueueHello()
    {
        _nonce = RandomNumberGenerator.GetBytes(AgentProtocol.NonceSize);
        EmptyOutgoing();
        Queue(AgentFrameType.Hello, 0, 0, _nonce);
    }
}
