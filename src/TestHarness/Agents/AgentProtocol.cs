using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace TestHarness.Agents;

/// <summary>What a frame is; <c>src/TestHarness.GuestAgent/PROTOCOL.md</c> says what each means.</summary>
internal enum AgentFrameType : byte
{
    Hello = 1,
    Ping,
    Pong,
    Run,
    Started,
    Data,
    End,
    Window,
    Signal,
    Resize,
    Kill,
    Exit,
    Error,
    Connect,
    Listen,
    Accepted,
    Settle,
    Settled,
    Power,
    Bind,
}

/// <summary>The first 12 bytes of a frame.</summary>
internal readonly record struct AgentFrameHeader(int Length, uint Stream, AgentFrameType Type, byte Channel);

/// <summary>Writes and reads the frames of the agent's protocol. Pure: bytes in, bytes out.</summary>
internal static class AgentProtocol
{
    public const int Version = 4;
    public const int HeaderSize = 12;
    public const int MaxPayload = 65536;
    public const int NonceSize = 16;

    /// <summary>A channel's window at its start, and how much is taken before some of it is given back.</summary>
    public const int Window = 262144;
    public const int WindowStep = 65536;

    /// <summary>The agent has no more streams than these.</summary>
    public const int MaxStreams = 256;

    /// <summary>The agent numbers the streams that it opens from here.</summary>
    public const uint FirstAccepted = 0x80000000;

    /// <summary>EPROTO: with it, an error of the connection means that the agent has dropped all streams.</summary>
    public const int ProtocolError = 71;

    /// <summary>No text of the agent is longer.</summary>
    public const int MaxErrorText = 1024;

    private const int MarkAt = HeaderSize - 2;
    private const int MaxHelloText = 256;
    private const int HelloFields = NonceSize + 6;

    /// <summary>Reads a header.</summary>
    /// <exception cref="InvalidDataException">These bytes are not the start of a frame.</exception>
    public static AgentFrameHeader ReadHeader(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize || !bytes[MarkAt..].StartsWith("TH"u8))
            throw new InvalidDataException("bytes that are not a frame");
        return TryReadHeader(bytes, out AgentFrameHeader header)
            ? header
            : throw new InvalidDataException($"a frame of type {bytes[8]}, channel {header.Channel} and {header.Length} bytes");
    }

    /// <summary>Reads a header; false where these bytes are not the start of a frame.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, out AgentFrameHeader header)
    {
        header = default;
        if (bytes.Length < HeaderSize || !bytes[MarkAt..].StartsWith("TH"u8))
            return false;
        header = new AgentFrameHeader(
            (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(bytes), int.MaxValue),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            (AgentFrameType)bytes[8],
            bytes[9]
        );
        return header.Length <= MaxPayload && header.Channel <= 2 && header.Type is >= AgentFrameType.Hello and <= AgentFrameType.Power;
    }

    /// <summary>
    /// Finds the next header of a frame of the connection itself on channel 0, as HELLO and ERROR are, by a search that costs nothing even
    /// where bytes are made to look like one everywhere.
    /// </summary>
    /// <returns>Where it begins; -1: there is none whose header is complete.</returns>
    public static int IndexOfConnectionFrame(ReadOnlySpan<byte> bytes, int from)
    {
        // Channel 0 and the mark; most of what is no header has no such three bytes.
        const int At = MarkAt - 1;
        for (int next; from + HeaderSize <= bytes.Length; from += next + 1)
        {
            next = bytes[(from + At)..].IndexOf("\0TH"u8);
            if (next < 0)
                return -1;
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[(from + next + 4)..]) == 0)
                return from + next;
        }

        return -1;
    }

    /// <summary>Appends a frame.</summary>
    public static void WriteFrame(IBufferWriter<byte> to, AgentFrameType type, uint stream, byte channel, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, MaxPayload);
        Span<byte> header = to.GetSpan(HeaderSize);
        BinaryPrimitives.WriteInt32LittleEndian(header, payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], stream);
        header[8] = (byte)type;
        header[9] = channel;
        header[10] = (byte)'T';
        header[11] = (byte)'H';
        to.Advance(HeaderSize);
        to.Write(payload);
    }

    /// <summary>Reads the one number that is all of a payload.</summary>
    public static int ReadNumber(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 4 || BinaryPrimitives.ReadInt32LittleEndian(payload) is not (>= 0 and int number))
            throw new InvalidDataException("a number that does not parse");
        return number;
    }

    /// <summary>Reads the port that is all of a payload.</summary>
    public static int ReadPort(ReadOnlySpan<byte> payload) =>
        ReadNumber(payload) is >= 1 and <= ushort.MaxValue and int port
            ? port
            : throw new InvalidDataException($"the port {BinaryPrimitives.ReadUInt32LittleEndian(payload)}");

    /// <summary>Reads an EXIT: its kind, and the exit code, signal or errno.</summary>
    public static (AgentExitKind Kind, int Code) ReadExit(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 5 || payload[0] > (byte)AgentExitKind.Closed)
            throw new InvalidDataException("an EXIT that does not parse");
        int code = ReadNumber(payload[1..]);
        var kind = (AgentExitKind)payload[0];
        if (code > 255 || (kind == AgentExitKind.Signalled && code is < 1 or > 64))
            throw new InvalidDataException($"an EXIT with the code {code}");
        return (kind, code);
    }

    public static (int Error, string Text) ReadError(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 4)
            throw new InvalidDataException("an ERROR that does not parse");
        return (ReadNumber(payload[..4]), ReadText(payload[4..]));
    }

    public static (uint Listener, string Peer) ReadAccepted(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 4)
            throw new InvalidDataException("an ACCEPTED that does not parse");
        return (BinaryPrimitives.ReadUInt32LittleEndian(payload), ReadText(payload[4..]));
    }

    public static (uint Request, AgentSettled Settled) ReadSettled(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 28)
            throw new InvalidDataException("a SETTLED that does not parse");
        long nanoseconds = BinaryPrimitives.ReadInt64LittleEndian(payload[16..]);
        var settled = new AgentSettled(
            ReadNumber(payload.Slice(4, 4)),
            ReadNumber(payload.Slice(8, 4)),
            ReadNumber(payload.Slice(12, 4)),
            DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick)
        )
        {
            NetworksError = ReadNumber(payload.Slice(24, 4)),
            Networks = ReadText(payload[28..]),
        };
        return (BinaryPrimitives.ReadUInt32LittleEndian(payload), settled);
    }

    /// <summary>Whether a header can be that of the agent's HELLO.</summary>
    public static bool IsHello(AgentFrameHeader header) =>
        header is { Type: AgentFrameType.Hello, Stream: 0, Channel: 0, Length: >= HelloFields and <= HelloFields + MaxHelloText };

    public static (int Version, int ProcessId, string Name) ReadHello(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < HelloFields)
            throw new InvalidDataException("a HELLO that does not parse");
        return (
            BinaryPrimitives.ReadUInt16LittleEndian(payload[NonceSize..]),
            ReadNumber(payload.Slice(NonceSize + 2, 4)),
            ReadText(payload[HelloFields..])
        );
    }

    /// <summary>
    /// Finds the HELLO of an agent that has just started, as the very end of <paramref name="bytes"/>: the machine was reset in the middle
    /// of a frame, whose rest will never come.
    /// </summary>
    public static bool EndsWithNewAgent(ReadOnlySpan<byte> bytes)
    {
        for (int size = HeaderSize + HelloFields; size <= Math.Min(bytes.Length, HeaderSize + HelloFields + MaxHelloText); size++)
        {
            ReadOnlySpan<byte> tail = bytes[^size..];
            if (tail[10] != 'T' || tail[11] != 'H' || tail[8] != (byte)AgentFrameType.Hello)
                continue;
            if (
                BinaryPrimitives.ReadInt32LittleEndian(tail) == size - HeaderSize
                && !tail.Slice(4, 4).ContainsAnyExcept((byte)0)
                && !tail.Slice(HeaderSize, NonceSize).ContainsAnyExcept((byte)0)
            )
                return true;
        }

        return false;
    }

    // What a guest says ends up in messages on a terminal.
    private static string ReadText(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaxErrorText)]);
        return string.Create(text.Length, text, static (characters, from) =>
        {
            for (int i = 0; i < from.Length; i++)
                characters[i] = char.IsControl(from[i]) ? '?' : from[i];
        });
    }
}

/// <summary>How a stream ended.</summary>
internal enum AgentExitKind : byte
{
    Exited,
    Signalled,
    Closed,
}
