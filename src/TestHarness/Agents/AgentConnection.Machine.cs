namespace TestHarness.Agents;

// What the agent does for the whole guest.
internal sealed partial class AgentConnection
{
    /// <summary>
    /// Sets clock, random state, host name and cards, those that are given, and confirms them; writes a new machine id first, where that is
    /// asked for.
    /// </summary>
    public async Task<AgentSettled> SettleAsync(AgentSettlement asked, CancellationToken cancellationToken)
    {
        TaskCompletionSource<AgentSettled> settled = NewSource<AgentSettled>();
        uint request = Interlocked.Increment(ref _lastSettle);
        byte[] payload = AgentRequests.Settle(request, asked);
        lock (_gate)
        {
            ThrowIfNotInStep();
            _settles.Add(request, settled);
            Queue(AgentFrameType.Settle, 0, 0, payload);
        }

        Flush();
        try
        {
            return await settled.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
                _settles.Remove(request);
        }
    }

    /// <summary>Asks the guest to power off or reboot; returns when it has taken the request, or is gone already.</summary>
    /// <exception cref="AgentException">It refused.</exception>
    public async Task PowerAsync(AgentPower action, CancellationToken cancellationToken)
    {
        // POWER has no answer but a refusal; the PONG to the PING behind it says that there was none.
        TaskCompletionSource taken = NewSource();
        lock (_gate)
        {
            ThrowIfNotInStep();
            _power = taken;
            Queue(AgentFrameType.Power, 0, 0, [(byte)((int)action % 2), (byte)((int)action / 2)]);
        }

        try
        {
            SendPing(taken);
            await taken.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (AgentLostException)
        {
            // That is what was asked for.
        }
    }
}
