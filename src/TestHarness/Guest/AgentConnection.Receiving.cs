using System.Buffers.Binary;

namespace TestHarness.Guest;

internal sealed partial class AgentConnection
{
    // Two frames of the largest size, so that one that is incomplete always has room for its rest.
    private readonly byte[] _received = new byte[2 * (AgentProtocol.HeaderSize + AgentProtocol.MaxPayload)];
    private int _filled;

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
            try
            {
                used = _inStep ? TakeFrame(bytes[at..]) : FindHello(bytes[at..]);
            }
            catch (InvalidDataException e)
            {
                // One byte is let go, so that this cannot be met again; the HELLO that counts is yet to come.
                LoseStep($"The guest's agent broke the protocol: {e.Message}.");
                used = 1;
            }

            if (used == 0)
                return at;
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

    // Throws bytes away up to an answer to our HELLO. Returns how many; 0: more must come.
    private int FindHello(ReadOnlySpan<byte> bytes)
    {
        const int MarkAt = AgentProtocol.HeaderSize - 2;
        for (int at = 0; at + AgentProtocol.HeaderSize <= bytes.Length; at++)
        {
            int next = bytes[(at + MarkAt)..].IndexOf("TH"u8);
            if (next < 0)
                break;
            at += next;
            if (!TryReadHeader(bytes[at..], out AgentFrameHeader header))
                continue;
            ReadOnlySpan<byte> payload = bytes[(at + AgentProtocol.HeaderSize)..];
            bool hello = AgentProtocol.IsHello(header);
            bool error = header is { Type: AgentFrameType.Error, Stream: 0, Length: >= 4 and <= AgentProtocol.MaxErrorText };
            if (!hello && !error)
                continue;
            if (payload.Length < (hello ? AgentProtocol.NonceSize : 4))
                return at;
            bool ours = hello && payload.StartsWith(_nonce);
            if (error && BinaryPrimitives.ReadInt32LittleEndian(payload) == AgentProtocol.ProtocolError)
                LoseStep("The guest's agent dropped all streams.");
            else if (hello && !ours && !payload[..AgentProtocol.NonceSize].ContainsAnyExcept((byte)0))
                MeetNewAgent();
            else if (!ours)
                continue;
            else if (payload.Length < header.Length)
                return at;
            else
                ComeInStep(payload[..header.Length]);
            return at + AgentProtocol.HeaderSize + Math.Min(header.Length, payload.Length);
        }

        return Math.Max(0, bytes.Length - (AgentProtocol.HeaderSize - 1));
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> bytes, out AgentFrameHeader header)
    {
        try
        {
            header = AgentProtocol.ReadHeader(bytes);
            return true;
        }
        catch (InvalidDataException)
        {
            header = default;
            return false;
        }
    }

    private void Dispatch(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Stream == 0)
            TakeAnswer(header, payload);
        else if (header.Type == AgentFrameType.Accepted)
            Accept(header.Stream, payload);
        else if (Find(header.Stream) is { } stream && stream.Receive(header, payload))
            Remove(stream);
    }

    private void TakeAnswer(AgentFrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case AgentFrameType.Pong when payload.Length == sizeof(ulong):
                lock (_gate)
                    _pings.GetValueOrDefault(BitConverter.ToUInt64(payload))?.TrySetResult();
                break;
            case AgentFrameType.Settled:
                (uint request, AgentSettled settled) = AgentProtocol.ReadSettled(payload);
                lock (_gate)
                {
                    if (_settles.Remove(request, out TaskCompletionSource<AgentSettled>? waiting))
                        waiting.TrySetResult(settled);
                }

                break;
            case AgentFrameType.Error:
                (int error, string text) = AgentProtocol.ReadError(payload);
                if (error == AgentProtocol.ProtocolError)
                    LoseStep($"The guest's agent dropped all streams: {text}.");
                else
                    _power?.TrySetException(new AgentException(error, text));
                break;
            case AgentFrameType.Hello when AgentProtocol.IsHello(header) && !payload[..AgentProtocol.NonceSize].ContainsAnyExcept((byte)0):
                MeetNewAgent();
                break;
            default:
                throw new InvalidDataException($"a {header.Type} that was not asked for");
        }
    }

    private void Accept(uint id, ReadOnlySpan<byte> payload)
    {
        (uint listener, string peer) = AgentProtocol.ReadAccepted(payload);
        var stream = new AgentStream(this, id);
        stream.Start(0);
        AgentStream? owner;
        lock (_gate)
        {
            if (id < AgentProtocol.FirstAccepted || _streams.Keys.Count(key => key >= AgentProtocol.FirstAccepted) >= AgentProtocol.MaxStreams
                || !_streams.TryAdd(id, stream))
                throw new InvalidDataException("a connection that cannot be");
            owner = _streams.GetValueOrDefault(listener);
        }

        // The listener may have been disposed while this was under way.
        if (owner?.Accepted is { } accepted)
            accepted(stream, peer);
        else
            stream.Kill();
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
