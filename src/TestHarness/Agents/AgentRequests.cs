using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace TestHarness.Agents;

/// <summary>Writes the payloads of what the agent is asked for. Pure.</summary>
internal static class AgentRequests
{
    private const int ClockBit = 1;
    private const int RandomBit = 2;
    private const int HostNameBit = 4;
    private const int MachineIdBit = 8;
    private const int CardsBit = 16;
    private const int NamesBit = 32;

    /// <summary>RUN's fields.</summary>
    /// <exception cref="ArgumentException">The command cannot be sent: no program, a NUL character, or more than 64 KiB
    /// together.</exception>
    public static byte[] Run(AgentCommand command)
    {
        var fields = new ArrayBufferWriter<byte>();
        if (command.Arguments.Count == 0 || command.Arguments[0].Length == 0)
            throw new ArgumentException("The command names no program.", nameof(command));
        foreach (string argument in command.Arguments)
            AddField(fields, 'A', argument);
        foreach ((string name, string value) in command.Environment)
        {
            if (name.Length == 0 || name.Contains('=', StringComparison.Ordinal))
                throw new ArgumentException($"\"{name}\" cannot be the name of an environment variable.", nameof(command));
            AddField(fields, 'E', $"{name}={value}");
        }

        if (command.WorkingDirectory is { } directory)
            AddField(fields, 'D', directory);
        if (command.User is { } user)
            AddField(fields, 'U', user);
        if (command.Terminal is { } terminal)
            AddField(fields, 'P', Size(terminal));
        else if (!command.TakesInput)
            AddField(fields, 'N', []);
        return fields.WrittenSpan.ToArray();
    }

    public static byte[] Size(AgentTerminal terminal)
    {
        foreach (int side in (int[])[terminal.Columns, terminal.Rows])
        {
            if (side is < 0 or > ushort.MaxValue)
                throw new ArgumentOutOfRangeException(
                    nameof(terminal),
                    side,
                    $"A terminal has at most {ushort.MaxValue} columns and rows."
                );
        }

        byte[] size = new byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(size, (ushort)terminal.Columns);
        BinaryPrimitives.WriteUInt16LittleEndian(size.AsSpan(2), (ushort)terminal.Rows);
        return size;
    }

    public static byte[] Number(int number)
    {
        byte[] payload = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(payload, number);
        return payload;
    }

    /// <summary>Port and address of CONNECT and LISTEN.</summary>
    public static byte[] Address(string address, int port)
    {
        byte[] payload = new byte[2 + Encoding.UTF8.GetByteCount(address)];
        if (payload.Length > 100 || address.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"\"{address}\" is not an IPv4 or IPv6 address.", nameof(address));
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, (ushort)port);
        Encoding.UTF8.GetBytes(address, payload.AsSpan(2));
        return payload;
    }

    /// <summary>SETTLE's parts.</summary>
    /// <exception cref="ArgumentException">It can't be sent.</exception>
    public static byte[] Settle(uint request, AgentSettlement asked)
    {
        ReadOnlySpan<byte> seed = asked.Seed.Span;
        byte[] name = Encoding.UTF8.GetBytes(asked.HostName ?? "");
        if (name.Length > 64)
            throw new ArgumentException(
                $"The host name \"{asked.HostName}\" is longer than the 64 bytes that Linux allows.",
                nameof(asked)
            );
        long ticks = ((asked.Clock ?? DateTimeOffset.UnixEpoch) - DateTimeOffset.UnixEpoch).Ticks;
        if (Math.Abs(ticks) > long.MaxValue / TimeSpan.NanosecondsPerTick)
            throw new ArgumentException(
                $"The clock {asked.Clock:O} is beyond what 64 bits of nanoseconds hold, the years 1678 to 2261.",
                nameof(asked)
            );
        ArgumentOutOfRangeException.ThrowIfGreaterThan(seed.Length, AgentProtocol.MaxPayload / 2);
        int bits =
            (asked.Clock is null ? 0 : ClockBit)
            | (seed.IsEmpty ? 0 : RandomBit)
            | (asked.HostName is null ? 0 : HostNameBit)
            | (asked.NewMachineId ? MachineIdBit : 0)
            | (asked.Networks is { Cards.Count: > 0 } ? CardsBit : 0)
            | (asked.Networks is null ? 0 : NamesBit);
        var payload = new ArrayBufferWriter<byte>();
        Span<byte> head = payload.GetSpan(18);
        BinaryPrimitives.WriteUInt32LittleEndian(head, request);
        BinaryPrimitives.WriteInt32LittleEndian(head[4..], bits);
        BinaryPrimitives.WriteInt64LittleEndian(head[8..], ticks * TimeSpan.NanosecondsPerTick);
        BinaryPrimitives.WriteUInt16LittleEndian(head[16..], (ushort)seed.Length);
        payload.Advance(18);
        payload.Write(seed);
        payload.Write([(byte)name.Length]);
        payload.Write(name);
        payload.Write([(byte)(asked.Networks?.Cards.Count ?? 0)]);
        foreach (AgentCard card in asked.Networks?.Cards ?? [])
            AddCard(payload, card);
        payload.Write(Encoding.UTF8.GetBytes(asked.Networks?.Hosts ?? ""));
        return payload.WrittenCount <= AgentProtocol.MaxPayload
            ? payload.WrittenSpan.ToArray()
            : throw new ArgumentException(
                $"The names and addresses of the machines are {payload.WrittenCount} bytes, beyond the {AgentProtocol.MaxPayload} that a "
                    + "guest can be told.",
                nameof(asked)
            );
    }

    private static void AddCard(ArrayBufferWriter<byte> to, AgentCard card)
    {
        to.Write(card.Made.ToBytes());
        to.Write(card.Own.ToBytes());
        to.Write([(byte)card.Mtu, (byte)(card.Mtu >> 8), (byte)card.Addresses.Count]);
        foreach ((IPAddress address, int prefix) in card.Addresses)
        {
            byte[] bytes = address.GetAddressBytes();
            to.Write([(byte)bytes.Length, (byte)prefix]);
            to.Write(bytes);
        }
    }

    private static void AddField(ArrayBufferWriter<byte> fields, char tag, string value)
    {
        if (value.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException(
                $"\"{value.Replace("\0", "\\0", StringComparison.Ordinal)}\" contains a NUL character, which Linux cannot pass on."
            );
        // In UTF-8 it has at least as many bytes.
        if (value.Length > AgentProtocol.MaxPayload)
            throw TooLong(fields.WrittenCount + 5L + value.Length);
        AddField(fields, tag, Encoding.UTF8.GetBytes(value));
    }

    private static ArgumentException TooLong(long bytes) =>
        new(
            $"The command's arguments and environment are {bytes} bytes or more, beyond the {AgentProtocol.MaxPayload} that can be sent: "
                + "send what is long to its standard input, or as a file."
        );

    private static void AddField(ArrayBufferWriter<byte> fields, char tag, ReadOnlySpan<byte> value)
    {
        if (value.Length > AgentProtocol.MaxPayload - fields.WrittenCount - 5)
            throw TooLong(fields.WrittenCount + 5L + value.Length);
        Span<byte> header = fields.GetSpan(5);
        header[0] = (byte)tag;
        BinaryPrimitives.WriteInt32LittleEndian(header[1..], value.Length);
        fields.Advance(5);
        fields.Write(value);
    }
}
