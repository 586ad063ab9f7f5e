using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace TestHarness.Networks.Answers;

/// <summary>Answers DNS for the names of a cluster's machines (RFC 1035), and says at once that there are no others.</summary>
internal static class DnsAnswer
{
    public const ushort Port = 53;

    private const int Header = 12;
    private const int QuestionsEnd = 4;

    // What each client takes over UDP. A card with more addresses is known by the first ones.
    private const int Longest = 512;

    private const ushort Response = 0x8000;
    private const ushort Opcode = 0x7800;
    private const ushort Authoritative = 0x0400;
    private const ushort RecursionDesired = 0x0100;

    // Nobody else need be asked.
    private const ushort RecursionAvailable = 0x0080;

    private const ushort FormatError = 1;
    private const ushort NameError = 3;
    private const ushort NotImplemented = 4;

    private const ushort A = 1;
    private const ushort Aaaa = 28;
    private const ushort Any = 255;
    private const ushort Internet = 1;

    /// <summary>Answers a query, or not what is none.</summary>
    /// <param name="query">What came.</param>
    /// <param name="find">The addresses of a name; none where it is nobody's.</param>
    public static byte[]? To(ReadOnlySpan<byte> query, Func<string, IReadOnlyList<IPAddress>> find)
    {
        if (query.Length < Header || (FlagsOf(query) & Response) != 0)
            return null;
        if ((FlagsOf(query) & Opcode) != 0)
            return HeaderFor(query, NotImplemented, questions: 0, answers: 0);
        int name = DnsName.Read(query[Header..], out string asked),
            end = Header + name + QuestionsEnd;
        if (BinaryPrimitives.ReadUInt16BigEndian(query[4..]) != 1 || name == 0 || end > query.Length)
            return HeaderFor(query, FormatError, questions: 0, answers: 0);
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(query[(end - QuestionsEnd)..]),
            ofClass = BinaryPrimitives.ReadUInt16BigEndian(query[(end - 2)..]);
        IReadOnlyList<IPAddress> known = find(asked);
        List<byte[]> records = [];
        int length = end;
        foreach (IPAddress address in known)
        {
            byte[] record = Record(address);
            if (ofClass is not (Internet or Any) || (type != Any && type != TypeOf(address)) || length + record.Length > Longest)
                continue;
            records.Add(record);
            length += record.Length;
        }

        byte[] header = HeaderFor(query, known.Count > 0 ? (ushort)0 : NameError, questions: 1, (byte)records.Count);
        return [.. header, .. query[Header..end], .. records.SelectMany(record => record)];
    }

    private static ushort FlagsOf(ReadOnlySpan<byte> query) => BinaryPrimitives.ReadUInt16BigEndian(query[2..]);

    private static byte[] HeaderFor(ReadOnlySpan<byte> query, ushort error, byte questions, byte answers)
    {
        byte[] header = [.. query[..2], 0, 0, 0, questions, 0, answers, 0, 0, 0, 0];
        int flags = Response | (FlagsOf(query) & (Opcode | RecursionDesired)) | Authoritative | RecursionAvailable | error;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)flags);
        return header;
    }

    private static ushort TypeOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? A : Aaaa;

    // Of the name that was asked for, and not to be kept: a machine that joins changes it.
    private static byte[] Record(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        return [0xc0, Header, 0, (byte)TypeOf(address), 0, (byte)Internet, 0, 0, 0, 0, 0, (byte)bytes.Length, .. bytes];
    }
}
