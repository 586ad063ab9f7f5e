namespace TestHarness.Agents;

/// <summary>One stream of a connection: a command, a TCP connection or a listener. Takes the frames that the guest sends on it.</summary>
internal sealed class AgentStream
{
    private readonly AgentConnection _connection;
    private readonly TaskCompletionSource<int> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<(AgentExitKind Kind, int Code)> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public AgentStream(AgentConnection connection, uint id)
    {
        _connection = connection;
        Id = id;
        Input = new AgentWriteStream(this);
        Output = new AgentReadStream(this, channel: 1);
        Error = new AgentReadStream(this, channel: 2);
    }

    public uint Id { get; }

    public AgentWriteStream Input { get; }

    public AgentReadStream Output { get; }

    public AgentReadStream Error { get; }

    /// <summary>The number that STARTED carries: a process, or a port.</summary>
    public Task<int> Started => _started.Task;

    public Task<(AgentExitKind Kind, int Code)> Ended => _ended.Task;

    /// <summary>For a listener: takes over a connection that the agent accepted for it.</summary>
    public Action<AgentStream, string>? Accepted { get; init; }

    /// <summary>For a UDP port: takes a datagram over, whose bytes are the reader's only for that moment.</summary>
    public Action<ReadOnlySpan<byte>>? Datagram { get; init; }

    /// <summary>Sends a frame of this stream; does nothing once it has ended.</summary>
    public void Send(AgentFrameType type, byte channel, ReadOnlySpan<byte> payload) => _connection.Send(this, type, channel, payload);

    /// <summary>Sends bytes towards the guest; false where they cannot go before <paramref name="room"/> completes.</summary>
    public bool TrySendBytes(ReadOnlySpan<byte> payload, out Task room) => _connection.TrySendBytes(this, payload, out room);

    /// <summary>Asks the guest to end it; all that it still says is thrown away.</summary>
    public void Kill()
    {
        Send(AgentFrameType.Kill, 0, []);
        Output.Dispose();
        Error.Dispose();
    }

    public void Start(int number) => _started.TrySetResult(number);

    /// <summary>Takes a frame; called by the connection's reader only. Returns whether it was the stream's last.</summary>
    /// <exception cref="InvalidDataException">It breaks the protocol.</exception>
    public bool Receive(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case AgentFrameType.Started when !_started.Task.IsCompleted:
                bool isPort = Accepted is not null || Datagram is not null;
                Start(isPort ? AgentProtocol.ReadPort(payload) : AgentProtocol.ReadNumber(payload));
                return false;
            case AgentFrameType.Data when header.Channel > 0 && Accepted is null && _started.Task.IsCompleted:
                Datagram?.Invoke(payload);
                Channel(header).Receive(payload);
                return false;
            case AgentFrameType.End when header.Channel > 0:
                Channel(header).End(failure: null);
                return false;
            case AgentFrameType.End:
                Input.Close(InputEnded);
                return false;
            case AgentFrameType.Window when header.Channel == 0:
                Input.AddWindow(AgentProtocol.ReadNumber(payload));
                return false;
            case AgentFrameType.Exit when _started.Task.IsCompleted:
                End(AgentProtocol.ReadExit(payload));
                return true;
            case AgentFrameType.Error:
                (int error, string text) = AgentProtocol.ReadError(payload);
                Fail(() => new AgentException(error, text));
                return true;
            default:
                throw new InvalidDataException($"a {header.Type} where stream {Id} cannot have one");
        }
    }

    /// <summary>Ends everything that waits on the stream with an exception, a new one for each.</summary>
    public void Fail(Func<Exception> reason)
    {
        Input.Close(reason);
        Output.End(reason());
        Error.End(reason());
        _started.TrySetException(reason());
        _ended.TrySetException(reason());
        // Often nobody waits, which is no reason for an unobserved exception.
        _ = _started.Task.Exception;
        _ = _ended.Task.Exception;
    }

    private static AgentStreamClosedException InputEnded() =>
        new("The other side in the guest takes no more input: it has ended, or closed its end.");

    private AgentReadStream Channel(AgentFrameHeader header) => header.Channel == 1 ? Output : Error;

    private void End((AgentExitKind Kind, int Code) exit)
    {
        bool broken = exit is { Kind: AgentExitKind.Closed, Code: not 0 };
        Input.Close(InputEnded);
        Output.End(broken ? new IOException($"The connection in the guest broke (errno {exit.Code}).") : null);
        Error.End(failure: null);
        _ended.TrySetResult(exit);
    }
}
