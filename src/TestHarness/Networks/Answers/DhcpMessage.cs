using System.Buffers.Binary;

namespace TestHarness.Networks.Answers;

/// <summary>A DHCP message of a client (RFC 2131, 2).</summary>
internal readonly ref struct DhcpMessage
{
    // Behind the four bytes that say that these are options.
    private const int Options = 240;

    private const int TransactionAt = 4;
    private const int FlagsAt = 10;
    private const int OwnAt = 12;
    private const int GivenAt = 16;
    private const int RelayAt = 24;
    private const int CardAt = 28;
    private const byte Pad = 0;
    private const byte End = 255;

    // A request, over Ethernet, with addresses of six bytes.
    private static ReadOnlySpan<byte> Request => [1, 1, 6];

    private static ReadOnlySpan<byte> Cookie => [0x63, 0x82, 0x53, 0x63];

    /// <summary>Gets all of it.</summary>
    public ReadOnlySpan<byte> Bytes { get; private init; }

    public DhcpMessageType Type { get; private init; }

    /// <summary>Gets the address that the client has by now; zeros where it has none.</summary>
    public ReadOnlySpan<byte> Own => Bytes.Slice(OwnAt, 4);

    public bool HasAddress => Own.ContainsAnyExcept((byte)0);

    /// <summary>Gets the address that it asks for, or nothing.</summary>
    public ReadOnlySpan<byte> Wanted { get; private init; }

    /// <summary>Gets the server that it has chosen, or nothing.</summary>
    public ReadOnlySpan<byte> Server { get; private init; }

    public MacAddress Card => MacAddress.Read(Bytes[CardAt..]);

    public bool WantsBroadcast => (Bytes[FlagsAt] & 0x80) != 0;

    /// <summary>Gets a value indicating whether it came over a relay, of which there is none here.</summary>
    public bool IsRelayed => Bytes.Slice(RelayAt, 4).ContainsAnyExcept((byte)0);

    public static bool TryRead(ReadOnlySpan<byte> bytes, out DhcpMessage message)
    {
        message = default;
        if (bytes.Length < Options || !bytes.StartsWith(Request) || !bytes[(Options - Cookie.Length)..Options].SequenceEqual(Cookie))
            return false;
        ReadOnlySpan<byte> type = default,
            wanted = default,
            server = default;
        for (int at = Options; at < bytes.Length && bytes[at] != End; )
        {
            if (bytes[at] == Pad)
            {
                at++;
                continue;
            }

            if (at + 1 == bytes.Length || at + 2 + bytes[at + 1] > bytes.Length)
                return false;
            ReadOnlySpan<byte> value = bytes.Slice(at + 2, bytes[at + 1]);
            switch ((DhcpOption)bytes[at])
            {
                case DhcpOption.MessageType:
                    type = value;
                    break;
                case DhcpOption.RequestedAddress:
                    wanted = value;
                    break;
                case DhcpOption.ServerIdentifier:
                    server = value;
                    break;
            }

            at += 2 + value.Length;
        }

        if (type.Length != 1 || wanted.Length is not (0 or 4) || server.Length is not (0 or 4))
            return false;
        message = new DhcpMessage
        {
            Bytes = bytes,
            Type = (DhcpMessageType)type[0],
            Wanted = wanted,
            Server = server,
        };
        return true;
    }

    /// <summary>Makes a server's answer.</summary>
    /// <param name="given">The address that the client is given; zeros where it is given none.</param>
    /// <param name="options">The options, in their order.</param>
    public byte[] Answer(ReadOnlySpan<byte> given, IEnumerable<(DhcpOption Code, byte[] Value)> options)
    {
        // What older clients take for the shortest.
        const int Shortest = 300;
        byte[] head = new byte[Options];
        // A reply, over Ethernet, with addresses of six bytes.
        ((ReadOnlySpan<byte>)[2, 1, 6]).CopyTo(head);
        Bytes.Slice(TransactionAt, 4).CopyTo(head.AsSpan(TransactionAt));
        Bytes.Slice(FlagsAt, 2).CopyTo(head.AsSpan(FlagsAt));
        Own.CopyTo(head.AsSpan(OwnAt));
        given.CopyTo(head.AsSpan(GivenAt));
        Bytes.Slice(CardAt, 16).CopyTo(head.AsSpan(CardAt));
        Cookie.CopyTo(head.AsSpan(Options - Cookie.Length));
        byte[] answer = [.. head, .. options.SelectMany(one => (byte[])[(byte)one.Code, (byte)one.Value.Length, .. one.Value]), End];
        return [.. answer, .. new byte[Math.Max(0, Shortest - answer.Length)]];
    }
}
