using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace TestHarness.Agents;

/// <summary>Writes the payloads of what the agent is asked for. Pure.</summary>
internal static class AgentRequests
{
    private const int ClockBit = 1;
    private const int RandomBit = 2;
    private const int HostNameBit = 4;
    private const int MachineIdBit = 8;

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

    public static byte[] Settle(uint request, DateTimeOffset? clock, ReadOnlySpan<byte> seed, string? hostName, bool newMachineId)
    {
        byte[] name = Encoding.UTF8.GetBytes(hostName ?? "");
        if (name.Length > 64)
            throw new ArgumentException($"The host name \"{hostName}\" is longer than the 64 bytes that Linux allows.", nameof(hostName));
        long ticks = ((clock ?? DateTimeOffset.UnixEpoch) - DateTimeOffset.UnixEpoch).Ticks;
        if (Math.Abs(ticks) > long.MaxValue / TimeSpan.NanosecondsPerTick)
            throw new ArgumentException(
                $"The clock {clock:O} is beyond what 64 bits of nanoseconds hold, the years 1678 to 2261.",
                nameof(clock)
            );
        ArgumentOutOfRangeException.ThrowIfGreaterThan(seed.Length, AgentProtocol.MaxPayload / 2);
        byte[] payload = new byte[18 + seed.Length + name.Length];
        int bits =
            (clock is null ? 0 : ClockBit)
            | (seed.IsEmpty ? 0 : RandomBit)
            | (hostName is null ? 0 : HostNameBit)
            | (newMachineId ? MachineIdBit : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(payload, request);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(4), bits);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(8), ticks * TimeSpan.NanosecondsPerTick);
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(16), (ushort)seed.Length);
        seed.CopyTo(payload.AsSpan(18));
        name.CopyTo(payload.AsSpan(18 + seed.Length));
        return payload;
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
