namespace TestHarness.Agents;

/// <summary>
/// A TCP port, or with <paramref name="datagrams"/> a UDP port, inside the guest that the library serves. Its listener is lost whenever the
/// guest reboots or is put back; it is opened again when the guest has come up.
/// </summary>
/// <param name="address">The address in the guest.</param>
/// <param name="port">The port in the guest.</param>
/// <param name="preparation">A script for the guest that makes the address, and does no harm when it is there; <see langword="null"/>:
/// nothing is to be made.</param>
/// <param name="serve">Serves one connection, which is closed afterwards. The token fires when the port is lost.</param>
/// <param name="failed">Told why it could not be opened.</param>
/// <param name="datagrams">Serves a UDP port until it is lost; <paramref name="serve"/> is then never called.</param>
internal sealed class GuestPort(
    string address,
    int port,
    string? preparation,
    Func<AgentTcpStream, CancellationToken, Task> serve,
    Action<string> failed,
    Func<AgentDatagrams, Task>? datagrams = null
)
{
    // Each holds a stream of the agent, which has 256 for everything: commands must go on being possible.
    private const int MaxConnections = 128;

    private readonly Lock _gate = new();
    private Task _opening = Task.CompletedTask;
    private volatile Func<bool>? _isOpen;
    private bool _givenUp;
    private int _connections;

    private bool IsOpen => _isOpen?.Invoke() ?? false;

    /// <summary>Opens the port, unless it is open.</summary>
    /// <exception cref="AgentException">The guest refused.</exception>
    /// <exception cref="AgentLostException">The guest was lost meanwhile.</exception>
    public async Task OpenAsync(AgentConnection agent, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task opening;
            bool ours;
            lock (_gate)
            {
                if (IsOpen)
                    return;
                ours = _opening.IsCompleted;
                if (ours)
                    _opening = Task.Run(() => OpenOnceAsync(agent), CancellationToken.None);
                opening = _opening;
            }

            try
            {
                await opening.WaitAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (AgentLostException) when (!ours)
            {
                // Somebody else's attempt, on a connection from before.
            }
        }
    }

    /// <summary>Opens the port where it is not; a refusal is told, and then not met again until <paramref name="again"/>.</summary>
    public async Task TryOpenAsync(AgentConnection agent, bool again, CancellationToken cancellationToken)
    {
        if (IsOpen || (_givenUp && !again))
            return;
        try
        {
            await OpenAsync(agent, cancellationToken).ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            _givenUp = true;
            failed(e.Message);
        }
    }

    // Goes on when the one who asked no longer waits; the guest's end ends it.
    private async Task OpenOnceAsync(AgentConnection agent)
    {
        try
        {
            if (preparation is not null)
                await GuestScript
                    .RunAsync(agent, preparation, $"{address} port {port} could not be prepared", CancellationToken.None)
                    .ConfigureAwait(false);
        }
        catch (AgentException e) when (e.Output is { Length: > 0 } output)
        {
            throw new AgentException(e.ErrorNumber, $"{e.Message}: {output}");
        }

        if (datagrams is not null)
        {
            AgentDatagrams opened = await agent.BindAsync(address, port, CancellationToken.None).ConfigureAwait(false);
            _isOpen = () => opened.IsOpen;
            _ = datagrams(opened);
        }
        else
        {
            AgentListener listener = await agent.ListenAsync(address, port, CancellationToken.None).ConfigureAwait(false);
            _isOpen = () => listener.IsOpen;
            _ = AcceptAsync(listener);
        }

        _givenUp = false;
    }

    private async Task AcceptAsync(AgentListener listener)
    {
        using var lost = new CancellationTokenSource();
        List<Task> served = [];
        try
        {
            while (true)
            {
                AgentTcpStream connection = await listener.AcceptAsync(CancellationToken.None).ConfigureAwait(false);
                served.RemoveAll(task => task.IsCompleted);
                served.Add(ServeAsync(connection, lost.Token));
            }
        }
        catch (Exception e) when (e is AgentLostException or AgentException or ObjectDisposedException)
        {
            // The guest is gone, or starts anew.
        }

        await lost.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(served).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ServeAsync(AgentTcpStream connection, CancellationToken lost)
    {
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                if (Interlocked.Increment(ref _connections) <= MaxConnections)
                    await serve(connection, lost).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or AgentLostException or ObjectDisposedException or OperationCanceledException)
            {
                // The client in the guest went, or the guest did.
            }
            finally
            {
                Interlocked.Decrement(ref _connections);
            }
        }
    }
}
