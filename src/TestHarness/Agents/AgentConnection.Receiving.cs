using System.Buffers.Binary;

namespace TestHarness.Agents;

internal sealed partial class AgentConnection
{
    // Two frames of the largest size, so that one that is incomplete always has room for its rest.
    private readonly byte[] _received = new byte[2 * (AgentProtocol.HeaderSize + AgentProtocol.MaxPayload)];
    private const int MostOutOfStep = 64 << 20;
    private const int MostUnasked = 16 << 20;

    private int _filled;
    private long _outOfStep;
    private long _unasked;

    private async Task ReadLoopAsync()
    {
        string reason = "The connection to the guest's agent ended: QEMU closed it.";
        try
        {
            int count;
            while ((count = await _transport.ReadAsync(_received.AsMemory(_filled), _closing.Token).ConfigureAwait(false)) > 0)
            {
                _filled += count;
                int used = Consume(_received.AsSpan(0, _filled));
                if (used > 0)
                    _received.AsSpan(used, _filled - used).CopyTo(_received);
                _filled -= used;
            }
        }
        catch (Exception e)
        {
            // Whatever it was: nobody may be left waiting.
            reason = $"The connection to the guest's agent broke: {e.Message}";
        }

        End(reason);
    }

    private int Consume(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (true)
        {
            int used;
            bool inStep = _inStep;
            try
            {
                used = inStep ? TakeFrame(bytes[at..]) : FindHello(bytes[at..]);
            }
            catch (InvalidDataException e)
            {
                // One byte is let go, so that this cannot be met again; the HELLO that counts is yet to come.
                LoseStep($"The guest's agent broke the protocol: {e.Message}.");
                used = 1;
            }

            if (used == 0)
                return at;
            if (!inStep)
                CountOutOfStep(used);
            at += used;
        }
    }

    // Returns how many bytes the frame was; 0: it is not complete.
    private int TakeFrame(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < AgentProtocol.HeaderSize)
            return 0;
        AgentFrameHeader header = AgentProtocol.ReadHeader(bytes);
        int size = AgentProtocol.HeaderSize + header.Length;
        if (bytes.Length >= size)
        {
            Dispatch(header, bytes[AgentProtocol.HeaderSize..size]);
            return size;
        }

        if (!AgentProtocol.EndsWithNewAgent(bytes))
            return 0;
        MeetNewAgent();
        return bytes.Length;
    }

    // Throws bytes away up to an answer to our HELLO. Returns how many; 0: more must come. What loses the step anew does so once for all
    // the bytes at hand: the HELLO that follows cannot have been answered in them.
    private int FindHello(ReadOnlySpan<byte> bytes)
    {
        string? lost = null;
        int begin = 0;
        int end;
        for (int at; (at = AgentProtocol.IndexOfConnectionFrame(bytes, begin)) >= 0; begin = end)
        {
            end = at + 1;
            AgentProtocol.TryReadHeader(bytes[at..], out AgentFrameHeader header);
            ReadOnlySpan<byte> payload = bytes[(at + AgentProtocol.HeaderSize)..];
            bool hello = AgentProtocol.IsHello(header);
            bool error = header is { Type: AgentFrameType.Error, Length: >= 4 and <= AgentProtocol.MaxErrorText };
            if (!hello && !error)
                continue;
            bool ours = hello && lost is null && payload.StartsWith(_nonce);
            if (
                payload.Length
                < (
                    ours ? header.Length
                    : hello ? AgentProtocol.NonceSize
                    : 4
                )
            )
            {
                LoseStepFor(lost);
                return at;
            }

            if (ours)
            {
                ComeInStep(payload[..header.Length]);
                return at + AgentProtocol.HeaderSize + header.Length;
            }

            bool isNew = hello && !payload[..AgentProtocol.NonceSize].ContainsAnyExcept((byte)0);
            if (isNew)
                _restarts++;
            else if (hello || BinaryPrimitives.ReadInt32LittleEndian(payload) != AgentProtocol.ProtocolError)
                continue;
            lost = isNew ? StartedAnew : "The guest's agent dropped all streams.";
            end = at + AgentProtocol.HeaderSize + Math.Min(header.Length, payload.Length);
        }

        LoseStepFor(lost);
        return Math.Max(begin, bytes.Length - (AgentProtocol.HeaderSize - 1));
    }

    private void LoseStepFor(string? reason)
    {
        if (reason is not null)
            LoseStep(reason);
    }

    // An agent answers HELLO before all else, and what it had said before is bounded by its windows.
    private void CountOutOfStep(int bytes)
    {
        _outOfStep += bytes;
        if (_outOfStep > MostOutOfStep)
            End(
                $"The guest sent {_outOfStep} bytes to its agent's port without an answer to this library's greeting: what speaks "
                    + "there is no agent."
            );
    }

    // A stream's last frame is its last, so of an agent hardly any of these come.
    private void CountUnasked(AgentFrameHeader header)
    {
        // A stream costs more than its frame.
        _unasked += AgentProtocol.HeaderSize + header.Length + (header.Type == AgentFrameType.Accepted ? 1024 : 0);
        if (_unasked > MostUnasked)
            throw new InvalidDataException($"{_unasked} bytes of frames that nobody has asked for, the last of type {header.Type}");
    }

    private void Dispatch(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Stream == 0)
            TakeAnswer(header, payload);
        else if (header.Type == AgentFrameType.Accepted)
            Accept(header, payload);
        else if (Find(header.Stream) is not { } stream)
            CountUnasked(header);
        else if (stream.Receive(header, payload))
            Remove(stream);
    }

    private void TakeAnswer(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case AgentFrameType.Pong when payload.Length == sizeof(ulong):
                TaskCompletionSource? ping;
                lock (_gate)
                    ping = _pings.GetValueOrDefault(BitConverter.ToUInt64(payload));
                if (ping?.TrySetResult() != true)
                    CountUnasked(header);
                break;
            case AgentFrameType.Settled:
                (uint request, AgentSettled settled) = AgentProtocol.ReadSettled(payload);
                TaskCompletionSource<AgentSettled>? settle;
                lock (_gate)
                    settle = _settles.GetValueOrDefault(request);
                if (settle?.TrySetResult(settled) != true)
                    CountUnasked(header);
                break;
            case AgentFrameType.Error:
                (int error, string text) = AgentProtocol.ReadError(payload);
                if (error == AgentProtocol.ProtocolError)
                    LoseStep($"The guest's agent dropped all streams: {text}.");
                else if (_power?.TrySetException(new AgentException(error, text)) != true)
                    CountUnasked(header);
                break;
            case AgentFrameType.Hello when AgentProtocol.IsHello(header) && !payload[..AgentProtocol.NonceSize].ContainsAnyExcept((byte)0):
                MeetNewAgent();
                break;
            default:
                throw new InvalidDataException($"a {header.Type} that was not asked for");
        }
    }

    private void Accept(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        uint id = header.Stream;
        (uint listener, string peer) = AgentProtocol.ReadAccepted(payload);
        var stream = new AgentStream(this, id);
        stream.Start(0);
        AgentStream? owner;
        lock (_gate)
        {
            if (
                id < AgentProtocol.FirstAccepted
                || _streams.Keys.Count(key => key >= AgentProtocol.FirstAccepted) >= AgentProtocol.MaxStreams
                || !_streams.TryAdd(id, stream)
            )
                throw new InvalidDataException("a connection that cannot be");
            owner = _streams.GetValueOrDefault(listener);
        }

        // The listener may have been disposed while this was under way.
        if (owner?.Accepted is { } accepted)
        {
            accepted(stream, peer);
            return;
        }

        stream.Kill();
        CountUnasked(header);
    }

    private AgentStream? Find(uint id)
    {
        lock (_gate)
            return _streams.GetValueOrDefault(id);
    }

    private void Remove(AgentStream stream)
    {
        lock (_gate)
            _streams.Remove(stream.Id);
    }
}
