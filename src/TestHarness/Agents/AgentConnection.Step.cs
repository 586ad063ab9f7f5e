namespace TestHarness.Agents;

// Coming in step, and what happens to those who wait when it is lost.
internal sealed partial class AgentConnection
{
    private const string StartedAnew = "The guest's agent started anew: the guest rebooted, or the agent was restarted.";

    private void ComeInStep(ReadOnlySpan<byte> payload)
    {
        (int version, int processId, string name) = AgentProtocol.ReadHello(payload);
        if (version != AgentProtocol.Version)
        {
            End(
                $"The guest's agent ({name}) speaks version {version} of the protocol, and this library version "
                    + $"{AgentProtocol.Version}: build the image anew."
            );
            return;
        }

        lock (_gate)
        {
            if (_ended is not null)
                return;
            _inStep = true;
            _outOfStep = _unasked = 0;
            _handshake.TrySetResult(new AgentHello(version, processId, name, _restarts));
        }
    }

    private void MeetNewAgent()
    {
        _restarts++;
        LoseStep(StartedAnew);
    }

    /// <summary>
    /// Everything under way is lost; a new HELLO goes out at once. Frames that wait to be sent go with it, so a guest that provokes this
    /// over and over makes nothing grow.
    /// </summary>
    public void LoseStep(string reason)
    {
        Action fail;
        lock (_gate)
        {
            if (_ended is not null)
                return;
            fail = Forget(reason);
            _notInStep = reason;
            if (_handshake.Task.IsCompleted)
                _handshake = NewSource<AgentHello>();
            QueueHello();
        }

        fail();
        Flush();
    }

    private void End(string reason)
    {
        Action fail;
        lock (_gate)
        {
            if (_ended is not null)
                return;
            _ended = reason;
            fail = Forget(reason);
            EmptyOutgoing();
            if (_handshake.Task.IsCompleted)
                _handshake = NewSource<AgentHello>();
            _handshake.SetException(new AgentLostException(reason));
            _ = _handshake.Task.Exception;
        }

        fail();
        _completion.TrySetResult();
        // Ends the reader, where it was the writer that found out.
        _closing.Cancel();
    }

    // Under the gate. What it returns is run outside, because it reaches into the streams.
    private Action Forget(string reason)
    {
        AgentStream[] streams = [.. _streams.Values];
        TaskCompletionSource[] waiting = [.. _pings.Values, .. _power is null ? [] : new[] { _power }];
        TaskCompletionSource<AgentSettled>[] settles = [.. _settles.Values];
        TaskCompletionSource stepLost = _stepLost;
        _streams.Clear();
        _pings.Clear();
        _settles.Clear();
        _power = null;
        _stepLost = NewSource();
        _inStep = false;
        return () =>
        {
            foreach (AgentStream stream in streams)
                stream.Fail(() => new AgentLostException(reason));
            foreach (TaskCompletionSource one in waiting)
                one.TrySetException(new AgentLostException(reason));
            foreach (TaskCompletionSource<AgentSettled> one in settles)
                one.TrySetException(new AgentLostException(reason));
            stepLost.TrySetResult();
        };
    }
}
